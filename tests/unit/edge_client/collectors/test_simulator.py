"""The simulated plant: the same bytes for the same options, resumed exactly, and counted truly."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from edge_client.collectors.history import Tally
from edge_client.collectors.simulator import Simulator, SimulatorOptions
from edge_client.errors import ConfigurationError

END = datetime(2026, 3, 29, 6, 0, tzinfo=UTC)


def simulator(now: datetime = END, **options: object) -> Simulator:
    return Simulator(SimulatorOptions(**{"end": END, "hours": 6, "pumps": 2, **options}), now=lambda: now)  # type: ignore[arg-type]


def digest(collector: Simulator) -> str:
    running = hashlib.sha256()
    for chunk in collector.collect({}):
        running.update(msgspec.json.encode(chunk))
    return running.hexdigest()


def test_the_same_options_give_the_same_bytes_and_others_do_not() -> None:
    first = digest(simulator())
    assert digest(simulator()) == first
    assert digest(simulator(seed=43)) != first
    assert digest(simulator(end=END + timedelta(minutes=1))) != first


def test_it_goes_on_after_any_chunk_although_the_clock_has_moved() -> None:
    start, later = datetime(2026, 3, 29, 6, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 9, 0, tzinfo=UTC)
    whole = list(simulator(end=None, hours=2, now=start).collect({}))
    for done in range(1, len(whole) + 1):
        after = {whole[done - 1].part: whole[done - 1].position}
        assert list(simulator(end=None, hours=2, now=later).collect(after)) == whole[done:]


def test_another_plant_has_another_name() -> None:
    names = {simulator().name, simulator(seed=1).name, simulator(hours=7).name, simulator(end=None).name}
    assert len(names) == 4


@pytest.mark.parametrize("options", [{"pumps": 0}, {"pumps": 7}, {"hours": 0}])
def test_a_plant_that_cannot_be_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        simulator(**options)


def test_only_the_last_hour_is_live() -> None:
    live = [chunk for chunk in simulator().collect({}) if not chunk.is_replay]
    times = [item["event_time"] for chunk in live for item in map(msgspec.json.decode, chunk.items)]
    assert min(times) >= "2026-03-29T04:45"  # a repeat of the quarter before may be among them
    assert len(live) == 8


def test_the_history_is_one_reading_per_sensor_and_minute() -> None:
    options = {"hours": 72, "pumps": 6}
    tally = simulator(**options).tally()
    good = tally.readings - tally.quarantined_readings - tally.repeated_readings - tally.revised_readings
    assert good == 72 * 60 * 6 * 10


def is_wrong(kind: str, item: dict[str, object], codes: dict[str, set[str]]) -> bool:
    """Whether the API must quarantine an item; the rules are written down a second time here, on purpose."""
    if item["event_time"] > "2026-03-29T06:05":  # type: ignore[operator]
        return True
    if kind == "events":
        is_unknown = "worker_code" in item and item["worker_code"] not in codes["workers"]
        return is_unknown or item.get("confidence", 1.0) > 1.0  # type: ignore[operator]
    return (
        item["equipment_code"] not in codes["equipment"]
        or not isinstance(item["value"], float | int)
        or item.get("quality", 1.0) > 1.0  # type: ignore[operator]
    )


@pytest.mark.parametrize("options", [{}, {"hours": 24}, {"pumps": 1, "hours": 8}])
def test_the_tally_is_what_is_sent(options: dict[str, int]) -> None:
    collector = simulator(**options)
    codes: dict[str, set[str]] = {}
    for entity, code, _ in collector.describe():
        codes.setdefault(entity, set()).add(code)
    counted = Tally()
    for kind in ("readings", "events"):
        chunks = [chunk for chunk in collector.collect({}) if chunk.kind == kind]
        items = [item for chunk in chunks for item in chunk.items]
        good = [item for item in items if not is_wrong(kind, msgspec.json.decode(item), codes)]
        keys = Counter(key(kind, msgspec.json.decode(item)) for item in set(good))
        setattr(counted, kind, len(items))
        setattr(counted, f"quarantined_{kind}", len(items) - len(good))
        setattr(counted, f"repeated_{kind}", len(good) - len(set(good)))
        setattr(counted, f"revised_{kind}", sum(count - 1 for count in keys.values()))
        setattr(counted, f"late_{kind}", len(chunks[-2].items))
    assert counted == collector.tally()
    assert all(getattr(counted, name) > 0 for name in Tally.__struct_fields__)


def key(kind: str, item: dict[str, object]) -> tuple[object, ...]:
    names = ("equipment_code", "metric", "event_time")
    if kind == "events":
        names = ("source_code", "event_type", "event_time", "work_unit_code", "worker_code")  # type: ignore[assignment]
    return tuple(item.get(name) for name in names)


def test_about_one_item_in_a_hundred_is_wrong() -> None:
    tally = simulator(hours=24, pumps=6).tally()
    assert 0.008 < tally.quarantined_readings / tally.readings < 0.012


def test_a_wrong_clock_is_ahead_of_the_real_one_also_when_the_history_ends_in_the_past() -> None:
    now = END + timedelta(days=30)
    items = [msgspec.json.decode(item) for chunk in simulator(now=now).collect({}) for item in chunk.items]
    assert len([item for item in items if item["event_time"] > "2026-04-28T08:00"]) > 5
