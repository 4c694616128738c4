"""Which champion to return to."""

import pytest

from ml.errors import NothingToRollBackTo
from ml.gate import Outcome
from ml.promotions import Decision, reign_in, shadow_in, version_before


def decided(version: int, is_promoted: bool = True, trigger: str = "schedule", is_shadow: bool = False) -> Decision:
    return Decision(
        model_name="anomaly-pump",
        challenger_version=version,
        champion_version=None,
        is_promoted=is_promoted,
        is_shadow=is_shadow,
        reason="",
        trigger=trigger,
        mlflow_run_id="",
    )


def test_the_way_back_leads_to_the_champion_before_not_to_the_challenger_before() -> None:
    assert version_before([decided(1), decided(2, is_promoted=False), decided(3)], "anomaly-pump") == 1


def test_a_second_rollback_goes_one_further_back_and_never_forward_again() -> None:
    ledger = [decided(1), decided(2), decided(3), decided(2, trigger="rollback")]
    assert version_before(ledger, "anomaly-pump") == 1
    with pytest.raises(NothingToRollBackTo):
        version_before([*ledger, decided(1, trigger="rollback")], "anomaly-pump")


def test_after_a_rollback_a_new_champion_falls_back_on_the_restored_one() -> None:
    ledger = [decided(1), decided(2), decided(1, trigger="rollback"), decided(3)]
    assert version_before(ledger, "anomaly-pump") == 1


@pytest.mark.parametrize("ledger", [[], [decided(1)], [decided(1), decided(2, is_promoted=False)]])
def test_without_an_earlier_champion_there_is_no_way_back(ledger: list[Decision]) -> None:
    with pytest.raises(NothingToRollBackTo, match="anomaly-pump has no champion before"):
        version_before(ledger, "anomaly-pump")


def shadowed(version: int) -> Decision:
    return decided(version, is_promoted=False, is_shadow=True)


def test_a_shadow_lasts_until_the_next_decision_about_it() -> None:
    assert shadow_in([]) is None
    assert shadow_in([decided(1), decided(2, is_promoted=False)]) is None
    assert shadow_in([decided(1), shadowed(2)]) == shadowed(2)
    assert shadow_in([decided(1), shadowed(2), decided(3, is_promoted=False)]) == shadowed(2)
    assert shadow_in([decided(1), shadowed(2), decided(2)]) is None
    assert shadow_in([decided(1), shadowed(2), decided(2, is_promoted=False)]) is None


def test_a_newer_shadow_and_a_new_champion_end_it() -> None:
    """It was measured against another champion."""
    assert shadow_in([decided(1), shadowed(2), shadowed(3)]) == shadowed(3)
    assert shadow_in([decided(1), shadowed(2), shadowed(3), decided(3, is_promoted=False)]) is None
    assert shadow_in([decided(1), decided(2), shadowed(3), decided(1, trigger="rollback")]) is None


def test_the_present_champion_is_the_last_that_was_made() -> None:
    assert reign_in([decided(1, is_promoted=False)]) is None
    assert reign_in([decided(1), shadowed(2), decided(3, is_promoted=False)]) == decided(1)
    ledger = [decided(1), shadowed(2), decided(2), decided(1, trigger="rollback")]
    assert reign_in(ledger) == ledger[-1]
    assert version_before(ledger[:-1], "anomaly-pump") == 1


def test_a_decision_says_what_became_of_the_version() -> None:
    outcomes = [decided(1).outcome, shadowed(1).outcome, decided(1, is_promoted=False).outcome]
    assert outcomes == [Outcome.PROMOTED, Outcome.SHADOW, Outcome.KEPT]
