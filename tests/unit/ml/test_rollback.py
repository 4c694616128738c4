"""When a new champion's confidence counts as critical, and who cannot take its place."""

from datetime import UTC, datetime, timedelta

import pytest

from ml.anomaly_model import FORMAT
from ml.confidence_watch import HourlyMean
from ml.errors import NothingToRollBackTo
from ml.promotions import Decision
from ml.rollback import _critical_since, _way_back

START = datetime(2026, 3, 2, tzinfo=UTC)


def hours(*means: float | None) -> list[HourlyMean]:
    """One mean an hour; None is an hour without enough samples."""
    at = [START + timedelta(hours=number) for number in range(len(means))]
    return [HourlyMean(hour, mean, 60) for hour, mean in zip(at, means, strict=True) if mean is not None]


@pytest.mark.parametrize(
    ("means", "since"),
    [
        ((0.9, 0.74, 0.70, 0.74), 1),
        ((0.9, 0.74, 0.75, 0.74, 0.74), None),  # 0.75 is not critical (S1-059)
        ((0.74, 0.74), None),
        ((0.74, None, 0.74, 0.74), None),  # a gap is no persistence
        ((0.74, None, 0.74, 0.74, 0.74), 2),
        ((), None),
    ],
)
def test_three_hours_in_a_row(means: tuple[float | None, ...], since: int | None) -> None:
    expected = None if since is None else START + timedelta(hours=since)
    assert _critical_since(hours(*means)) == expected


def promoted(version: int, **metrics: object) -> Decision:
    return Decision(
        model_name="anomaly-pump",
        challenger_version=version,
        champion_version=None,
        is_promoted=True,
        reason="",
        trigger="schedule",
        mlflow_run_id="",
        metrics=metrics,
    )


def test_a_model_that_this_release_cannot_read_is_no_way_back() -> None:
    """Its promotion of the time before formats were counted says none. Back to it, nothing would be scored."""
    present = promoted(3, format=FORMAT)
    assert _way_back([promoted(1), promoted(2, format=FORMAT), present], "anomaly-pump").challenger_version == 2
    with pytest.raises(NothingToRollBackTo, match="version 2, the champion before, was stored by an earlier release"):
        _way_back([promoted(2), present], "anomaly-pump")
