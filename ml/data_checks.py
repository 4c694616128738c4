"""Which expectations the data of a training broke, as `expectations` recorded it. Checking is not done here."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

SUITE: Final = "readings"
"""What models read, by event time. Events they do not read, and the ledger's windows are times of receipt."""


def failed_expectations(connection: Connection, start: datetime, end: datetime) -> list[str]:
    """Name the critical expectations that hours of a range failed when they were last validated.

    An hour that was mended and validated again, or to which other thresholds apply by now, counts as it was found then,
    however the windows were cut.

    Args:
        connection: To the warehouse.
        start: UTC, inclusive.
        end: UTC, inclusive.

    Returns:
        One phrase for each, such as "values_are_present of readings in 3 hours from 2026-03-02 10:00 UTC on".
    """
    rows = connection.execute(
        text("""
            with validated as (
                select suite, expectation, validation_id, is_success or severity <> 'critical' as is_success,
                    greatest(window_start, :start) as validated_from, least(window_end, :end) as validated_until
                from ops.validation_results
                where suite = :suite and window_start <= :end and window_end > :start
            ),
            hours as (
                select distinct on (suite, expectation, hour) suite, expectation, hour, is_success
                from validated
                cross join generate_series(
                    date_trunc('hour', validated_from, 'UTC'), validated_until, interval '1 hour'
                ) as hour
                where (suite, expectation) in (select suite, expectation from validated where not is_success)
                    and hour < validated_until
                order by suite, expectation, hour, validation_id desc
            )
            select suite, expectation, count(*) as hour_count, min(hour) as first_hour
            from hours
            where not is_success
            group by suite, expectation
            order by suite, expectation
        """),
        {"start": start, "end": end, "suite": SUITE},
    )
    return [
        f"{row.expectation} of {row.suite} in {row.hour_count} hour{'s' if row.hour_count > 1 else ''} "
        f"from {row.first_hour:%Y-%m-%d %H:%M} UTC on"
        for row in rows
    ]
