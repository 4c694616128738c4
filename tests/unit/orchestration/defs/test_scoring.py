"""Runs that score history after a promotion."""

from datetime import UTC, datetime, timedelta

from orchestration.defs.scoring import scoring_works
from orchestration.pending import Promotion

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
PROMOTION = Promotion(7, "pump", "anomaly-pump", 2, decided_at=START + 400 * HOUR)


def test_the_newest_hours_are_scored_first_and_tried_until_they_are() -> None:
    """Four hundred hours are three runs of a week at most. MLflow may be away for longer than three tries take."""
    works = scoring_works(PROMOTION, [START + number * HOUR for number in range(400)])
    assert [work.tags["dagster/asset_partition_range_start"] for work in works] == [
        "2026-03-16-00:00",
        "2026-03-09-00:00",
        "2026-03-02-00:00",
    ]
    assert {work.max_attempts for work in works} == {None}
    assert len({work.name for work in works}) == 3
