"""Which champion to return to."""

import pytest

from ml.errors import NothingToRollBackTo
from ml.promotions import Decision, version_before


def decided(version: int, is_promoted: bool = True, trigger: str = "schedule") -> Decision:
    return Decision(
        model_name="anomaly-pump",
        challenger_version=version,
        champion_version=None,
        is_promoted=is_promoted,
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
