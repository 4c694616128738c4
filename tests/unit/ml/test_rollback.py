"""When a new champion's confidence counts as critical."""

from datetime import UTC, datetime, timedelta

import pytest

from ml.confidence_watch import HourlyMean
from ml.rollback import _critical_since

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
