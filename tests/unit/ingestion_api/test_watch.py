"""Which signals a rule watches follows from what the registry says last."""

from typing import Any

from ingestion_api.watch import Watch

HOT: dict[str, Any] = {
    "site_code": "demo",
    "rule_code": "hot",
    "name": "Hot",
    "equipment_class": "pump",
    "metric": "temperature",
    "kind": "limit",
    "severity": "high",
    "operator": ">=",
    "limit": 85.0,
    "duration_s": 0.0,
    "hysteresis": 0.0,
    "is_enabled": True,
}


def test_a_rule_watches_its_metric_on_every_machine_of_its_class() -> None:
    watch = Watch()
    watch.learn("alarm_rules", "hot", HOT)
    assert watch.rules() == {}
    watch.learn("equipment", "pump-1", {"equipment_class": "pump"})
    watch.learn("equipment", "fan-1", {"equipment_class": "fan"})
    assert set(watch.rules()) == set(watch.ranges()) == {("pump-1", "temperature")}
    watch.learn("equipment", "fan-1", {"equipment_class": "pump"})
    watch.learn("equipment", "pump-1", {"equipment_class": "spare"})
    assert set(watch.rules()) == {("fan-1", "temperature")}


def test_a_rule_that_is_switched_off_watches_nothing() -> None:
    watch = Watch()
    watch.learn("equipment", "pump-1", {"equipment_class": "pump"})
    watch.learn("alarm_rules", "hot", HOT)
    watch.learn("alarm_rules", "hot", {**HOT, "is_enabled": False})
    assert (watch.rules(), watch.ranges()) == ({}, {})


def test_only_flat_lines_need_every_reading() -> None:
    watch = Watch()
    watch.learn("equipment", "pump-1", {"equipment_class": "pump"})
    watch.learn("alarm_rules", "hot", HOT)
    assert watch.unsteady() == frozenset()
    flat = {**HOT, "kind": "flat_line", "operator": None, "limit": None, "duration_s": 10.0}
    watch.learn("alarm_rules", "flat", flat)
    assert watch.unsteady() == {("pump-1", "temperature")}
    assert set(watch.rules_of(("pump-1", "temperature"))) == {"flat", "hot"}
