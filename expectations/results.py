"""Writes results to `ops.validation_results`, and what they hold back. How they came about is `evaluate.py`'s."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, insert

from expectations import holds
from expectations.evaluate import ValidationResult
from expectations.groups import instant_of
from expectations.window import Window
from warehouse.tables import validation_results


def record(
    engine: Engine,
    window: Window,
    suites: Collection[str],
    results: Sequence[ValidationResult],
    seen: holds.Look,
    dagster_run_id: str | None,
) -> list[ValidationResult]:
    """Store all results of a validation and the holds that follow from them, or nothing.

    Args:
        engine: On the warehouse.
        window: What was validated.
        suites: By which suites.
        results: One row each.
        seen: From `holds.look`, before they were validated.
        dagster_run_id: The Dagster run that asked, if one did.

    Returns:
        The results, with the hours that could not be held back.
    """
    rows = [
        {
            "suite": result.suite,
            "expectation": result.expectation,
            "window_start": window.start,
            "window_end": window.end,
            "severity": result.severity,
            "is_success": result.is_success,
            "observed": result.observed,
            "dagster_run_id": dagster_run_id,
            "judged_at": seen.judged_at,
        }
        for result in results
    ]
    failed = [group for result in results for group in result.failed]
    passed_days = {
        (result.suite, result.expectation, site_code, instant_of(day))
        for result in results
        for site_code, day in result.passed_days
    }
    with engine.begin() as connection:
        connection.execute(insert(validation_results), rows)
        unknown = holds.record(connection, window, suites, failed, passed_days, seen, dagster_run_id)
    hours: dict[tuple[str, str], list[datetime]] = {}
    for hold in unknown:
        hours.setdefault((hold.suite, hold.expectation), []).append(hold.hour)
    return [replace(result, unheld=tuple(hours.get((result.suite, result.expectation), ()))) for result in results]
