"""The gate: promoted only for a reason, kept only for a reason."""

import numpy as np
import pytest

from ml.evaluate import Evaluation
from ml.gate import Lead, Outcome, Rules, best_of, decide

RULES = Rules(false_alarm_cap=0.10, shadow_h=24)


def evaluation(vus: float | list[float], false_alarms: float = 0.01, equipment: list[int] | None = None) -> Evaluation:
    """Six machines of one stretch each that all do the same, or stretches of the given machines."""
    stretches = np.array(vus if isinstance(vus, list) else [vus] * 6)
    owners = np.array(equipment if equipment else range(len(stretches)))
    flagged = round(10_000 * false_alarms) if np.isfinite(false_alarms) else 0
    quiet = 10_000 - flagged if np.isfinite(false_alarms) else 0
    confusions = np.array([[5, 5, flagged, quiet]] * len(np.unique(owners)))
    return Evaluation(owners, stretches, confusions, ())


BASELINES = {"always_on": evaluation(0.33, 0.0), "last_value": evaluation(0.60)}


def verdict(challenger: Evaluation, champion: Evaluation | str | None = None, failed: tuple[str, ...] = ()):
    return decide(challenger, champion, BASELINES, failed, RULES)


def test_the_first_champion_has_to_beat_every_naive_baseline_and_be_quiet() -> None:
    found = verdict(evaluation(0.90, 0.02))
    assert found.outcome is Outcome.PROMOTED
    assert found.reason == (
        "It is the first champion, with nothing to compare: VUS-PR 0.900, best naive baseline last_value 0.600, "
        "false alarms 2.0% of at most 10%."
    )
    assert verdict(evaluation(0.59)).outcome is Outcome.KEPT
    assert verdict(evaluation(0.60)).reason == "Its VUS-PR 0.600 does not beat last_value's 0.600."
    assert verdict(evaluation(float("nan"))).outcome is Outcome.KEPT


@pytest.mark.parametrize(("false_alarms", "passes"), [(0.10, True), (0.1001, False), (float("nan"), False)])
@pytest.mark.parametrize("champion", [None, evaluation(0.5)])
def test_the_false_alarm_cap_holds_for_everybody(
    false_alarms: float, passes: bool, champion: Evaluation | None
) -> None:
    assert (verdict(evaluation(0.99, false_alarms), champion).outcome is not Outcome.KEPT) is passes


def test_too_many_false_alarms_are_named() -> None:
    assert verdict(evaluation(0.99, 0.123)).reason == "It flags 12.3% of normal windows; at most 10% are allowed."


@pytest.mark.parametrize("champion", [None, evaluation(0.5), "version 1 cannot"])
def test_data_that_broke_their_expectations_promote_nobody(champion: Evaluation | str | None) -> None:
    """Issue 5: the data passed its expectations."""
    found = verdict(evaluation(0.99), champion, ("values_are_present of readings in 1 hour", "another"))
    assert found.outcome is Outcome.KEPT
    assert found.reason == "Its data broke expectations: values_are_present of readings in 1 hour; another."


def test_a_challenger_that_is_better_on_every_machine_scores_beside_the_champion_first() -> None:
    found = verdict(evaluation(0.95), evaluation(0.90))
    assert found.outcome is Outcome.SHADOW
    assert found.reason.startswith(
        "It beats the champion: VUS-PR +0.050 against the champion (95 % interval +0.050 to +0.050, 6 machines, "
        "6 stretches): VUS-PR 0.950, "
    )
    assert found.reason.endswith("It scores beside the champion for 24 h of data first.")
    at_once = decide(evaluation(0.95), evaluation(0.90), BASELINES, (), Rules(0.10, 0))
    assert at_once.outcome is Outcome.PROMOTED


@pytest.mark.parametrize("lead", [0.0, -0.001])
def test_a_champion_is_not_replaced_by_an_equal_or_a_worse_one(lead: float) -> None:
    found = verdict(evaluation(0.900 + lead), evaluation(0.900))
    assert found.outcome is Outcome.KEPT
    assert "may be chance" in found.reason


def test_a_lead_that_may_be_chance_does_not_promote() -> None:
    """Better in the mean by far, but on one machine of six only: drawing machines anew, a third of draws lacks it."""
    champion = evaluation([0.7] * 6)
    found = verdict(evaluation([0.7, 0.7, 0.7, 0.7, 0.7, 0.99]), champion)
    assert found.outcome is Outcome.KEPT
    assert "VUS-PR +0.048 against the champion (95 % interval +0.000 to" in found.reason
    assert verdict(evaluation([0.72, 0.74, 0.71, 0.75, 0.73, 0.99]), champion).outcome is Outcome.SHADOW


def test_the_bound_is_that_of_the_pairs_not_of_the_machines() -> None:
    """Machines differ by far more than the two models, which a comparison without pairs would drown in."""
    levels = np.array([0.65, 0.70, 0.80, 0.90, 0.95, 0.99])
    lead = Lead.of(evaluation(levels.tolist()), evaluation((levels - 0.01).tolist()))
    assert lead is not None
    assert (lead.low, lead.high) == (pytest.approx(0.01), pytest.approx(0.01))


def test_a_single_machine_is_drawn_by_its_stretches() -> None:
    """Drawing one machine anew would call any lead certain."""
    one = [0] * 6
    doubtful = Lead.of(evaluation([0.9, 0.5, 0.9, 0.5, 0.9, 0.6], equipment=one), evaluation([0.7] * 6, equipment=one))
    assert doubtful is not None
    assert doubtful.equipment_count == 1
    assert doubtful.low < 0 < doubtful.mean < doubtful.high
    clear = Lead.of(evaluation([0.9, 0.8, 0.85, 0.8, 0.9, 0.8], equipment=one), evaluation([0.7] * 6, equipment=one))
    assert clear is not None
    assert clear.low > 0


def test_too_little_time_compares_nothing() -> None:
    found = verdict(evaluation([0.9] * 3), evaluation([0.7] * 3))
    assert (found.outcome, found.reason) == (
        Outcome.KEPT,
        "Fewer than 4 stretches of later data cannot tell it from the champion.",
    )


def test_a_champion_that_has_grown_noisy_has_no_place_to_defend() -> None:
    found = verdict(evaluation(0.80), evaluation(0.95, false_alarms=0.42))
    assert found.outcome is Outcome.SHADOW
    assert found.reason.startswith("It replaces a champion that now flags 42.0% of normal windows: ")


def test_a_champion_that_cannot_read_the_data_is_replaced_at_once() -> None:
    found = verdict(evaluation(0.80), "version 1: The model reads flow, which the data do not have.")
    assert found.outcome is Outcome.PROMOTED
    assert "(version 1: The model reads flow, which the data do not have): VUS-PR 0.800" in found.reason


def test_the_best_of_the_quiet_candidates_challenges() -> None:
    candidates = {"loud": evaluation(0.95, 0.3), "quiet": evaluation(0.90), "dull": evaluation(0.70)}
    assert best_of(candidates, 0.10) == "quiet"
    assert best_of({"loud": evaluation(0.95, 0.3), "louder": evaluation(0.9, 0.5)}, 0.10) == "loud"
