"""New signals, units, and the bookkeeping of a verdict."""

import json
from datetime import UTC, datetime
from typing import Any

from ingestion_api.formats.context import Context
from ingestion_api.formats.json import parse
from ingestion_api.judge import Judgement, judge
from ingestion_api.known_codes import KnownCodes
from ingestion_api.rules import Circumstances

NOW = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)


def verdict(*items: dict[str, Any], signals: dict[tuple[str, str], str | None] | None = None) -> Judgement:
    known = KnownCodes(True, equipment={"pump-1", "pump-2"}, signals=signals or {})
    full = [{"equipment_code": "pump-1", "metric": "pressure", "value": 1, **item} for item in items]
    return judge(parse("readings", json.dumps(full).encode(), Context()), Circumstances(NOW, known))


def reasons(judgement: Judgement) -> dict[int, str]:
    return {refusal.index: refusal.reason_code for refusal in judgement.refused}


def test_unknown_metric_of_known_equipment_becomes_a_signal() -> None:
    """D4."""
    judgement = verdict({"unit_code": "bar"}, {"metric": "flow"})
    assert judgement.new_signals == {("pump-1", "pressure"): "bar", ("pump-1", "flow"): None}
    assert judgement.accepted_count == 2


def test_registered_unit_is_held_to() -> None:
    signals: dict[tuple[str, str], str | None] = {("pump-1", "pressure"): "bar"}
    judgement = verdict({"unit_code": "bar"}, {"unit_code": "kPa"}, {"unit_code": None}, signals=signals)
    assert reasons(judgement) == {1: "unit_mismatch"}
    assert judgement.new_signals == {}


def test_signal_without_a_registered_unit_takes_any() -> None:
    signals: dict[tuple[str, str], str | None] = {("pump-1", "pressure"): None}
    assert reasons(verdict({"unit_code": "bar"}, {"unit_code": "kPa"}, signals=signals)) == {}


def test_first_unit_of_a_new_signal_counts_within_the_batch() -> None:
    judgement = verdict({"unit_code": None}, {"unit_code": "bar"}, {"unit_code": "kPa"})
    assert judgement.new_signals == {("pump-1", "pressure"): "bar"}
    assert reasons(judgement) == {2: "unit_mismatch"}


def test_refused_item_brings_no_signal_and_no_unit() -> None:
    judgement = verdict({"unit_code": "kPa", "quality": 2}, {"unit_code": "bar"}, {"metric": "flow", "quality": 2})
    assert judgement.new_signals == {("pump-1", "pressure"): "bar"}
    assert reasons(judgement) == {0: "quality_out_of_range", 2: "quality_out_of_range"}


def test_same_metric_of_two_machines_is_two_signals() -> None:
    judgement = verdict({"unit_code": "bar"}, {"equipment_code": "pump-2", "unit_code": "kPa"})
    assert judgement.new_signals == {("pump-1", "pressure"): "bar", ("pump-2", "pressure"): "kPa"}
    assert judgement.refused == []


def test_unreadable_and_unbelievable_items_are_listed_in_their_order() -> None:
    judgement = verdict({"quality": 2}, {"value": "high"}, {}, {"equipment_code": "nobody"}, {"value": None})
    assert [refusal.index for refusal in judgement.refused] == [0, 1, 3, 4]
    assert judgement.accepted_count == 1
    assert reasons(judgement) == {
        0: "quality_out_of_range",
        1: "malformed_item",
        3: "unknown_equipment",
        4: "malformed_item",
    }


def test_only_what_the_registry_could_change_is_doubtful() -> None:
    assert verdict({"equipment_code": "nobody"}).is_doubtful()
    assert verdict({"unit_code": "kPa"}, signals={("pump-1", "pressure"): "bar"}).is_doubtful()
    assert not verdict({"quality": 2}).is_doubtful()
    assert not verdict({}).is_doubtful()
