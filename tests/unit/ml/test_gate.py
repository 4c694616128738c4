"""The gate: promoted only for a reason, kept only for a reason."""

import pytest

from ml.evaluate import Evaluation
from ml.gate import best_of, decide


def evaluation(precision: float, false_alarms: float = 0.01) -> Evaluation:
    return Evaluation(precision, 0.5, false_alarms, 0.5, {"offset": 1.0})


BASELINES = {"always_on": evaluation(0.33, 0.0), "last_value": evaluation(0.60)}


def verdict(challenger: Evaluation, champion: Evaluation | str | None = None):
    return decide(challenger, champion, BASELINES, false_alarm_cap=0.10)


def test_the_first_champion_has_to_beat_the_naive_baselines_and_be_quiet() -> None:
    found = verdict(evaluation(0.90, 0.02))
    assert found.is_promoted
    assert found.reason == (
        "It is the first champion: average precision 0.900, best naive baseline last_value 0.600, "
        "false alarms 2.0% of at most 10%."
    )
    assert not verdict(evaluation(0.59)).is_promoted
    assert verdict(evaluation(0.60)).reason == "Its average precision 0.600 does not beat last_value's 0.600."


@pytest.mark.parametrize(("false_alarms", "is_promoted"), [(0.10, True), (0.1001, False), (float("nan"), False)])
def test_the_false_alarm_cap_holds_for_everybody(false_alarms: float, is_promoted: bool) -> None:
    assert verdict(evaluation(0.99, false_alarms)).is_promoted is is_promoted
    assert verdict(evaluation(0.99, false_alarms), evaluation(0.5)).is_promoted is is_promoted


def test_too_many_false_alarms_are_named() -> None:
    assert verdict(evaluation(0.99, 0.123)).reason == "It flags 12.3% of normal windows; at most 10% are allowed."


@pytest.mark.parametrize(("precision", "is_promoted"), [(0.901, True), (0.900, False), (0.899, False)])
def test_a_champion_is_replaced_by_a_better_one_only(precision: float, is_promoted: bool) -> None:
    found = verdict(evaluation(precision), evaluation(0.900))
    assert found.is_promoted is is_promoted
    assert "the champion's 0.900 on the same later data" in found.reason


def test_a_champion_that_has_grown_noisy_is_replaced_whatever_its_precision() -> None:
    found = verdict(evaluation(0.80), evaluation(0.95, false_alarms=0.42))
    assert found.is_promoted
    assert found.reason.startswith("It replaces a champion that now flags 42.0% of normal windows: ")


def test_a_champion_that_cannot_read_the_data_is_replaced() -> None:
    found = verdict(evaluation(0.80), "version 1: The model reads flow, which the data do not have.")
    assert found.is_promoted
    assert "(version 1: The model reads flow, which the data do not have): average precision 0.800" in found.reason


def test_the_best_of_the_quiet_candidates_challenges() -> None:
    candidates = {"loud": evaluation(0.95, 0.3), "quiet": evaluation(0.90), "dull": evaluation(0.70)}
    assert best_of(candidates, 0.10) == "quiet"
    assert best_of({"loud": evaluation(0.95, 0.3), "louder": evaluation(0.9, 0.5)}, 0.10) == "loud"
