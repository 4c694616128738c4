"""What an alarm rule may say, and what it is told where it says too much or too little."""

from typing import Any

import msgspec
import pytest

from ingestion_api.alarm_rules import AlarmRule

HOT = {
    "name": "Bearing too hot",
    "equipment_class": "pump",
    "metric": "bearing_temperature",
    "kind": "limit",
    "severity": "critical",
    "limit": 85,
}
SILENT = {**HOT, "kind": "missing_data", "limit": None, "duration_s": 60}
STUCK = {**HOT, "kind": "flat_line", "limit": None, "duration_s": 60, "hysteresis": 0.1}


def read(payload: dict[str, Any]) -> AlarmRule:
    return msgspec.json.decode(msgspec.json.encode(payload), type=AlarmRule)


def test_a_limit_is_broken_by_a_value_equal_to_it_unless_told_otherwise() -> None:
    """C26: the operator is there to be seen, also where nobody wrote it."""
    assert msgspec.to_builtins(read(HOT))["operator"] == ">="
    assert read({**HOT, "operator": "<"}).operator == "<"


@pytest.mark.parametrize("payload", [SILENT, STUCK], ids=["missing_data", "flat_line"])
def test_a_rule_without_a_limit_has_no_operator(payload: dict[str, Any]) -> None:
    assert read(payload).operator is None


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({**HOT, "limit": None}, "needs a limit"),
        ({**HOT, "operator": "="}, "operator"),
        ({**HOT, "severity": "warning"}, "severity"),
        ({**HOT, "duration_s": -1}, "duration_s"),
        ({**HOT, "duration_s": 1e9}, "duration_s"),
        ({**HOT, "hysteresis": -0.5}, "hysteresis"),
        ({**HOT, "colour": "red"}, "colour"),
        ({**HOT, "metric": ""}, "metric"),
        ({**SILENT, "duration_s": 0}, "needs a duration_s"),
        ({**SILENT, "limit": 85}, "limit is for rules of kind limit"),
        ({**SILENT, "hysteresis": 1}, "look at no value"),
        ({**STUCK, "duration_s": 0}, "needs a duration_s"),
        ({**STUCK, "operator": ">="}, "operator is for rules of kind limit"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_the_reason(payload: dict[str, Any], said: str) -> None:
    """C23: one scale of severities; S0-029."""
    with pytest.raises(msgspec.ValidationError, match=said):
        read(payload)


def test_a_number_too_large_to_be_one_is_no_limit() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(HOT).replace(b"85", b"1e999"), type=AlarmRule)
