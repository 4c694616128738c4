"""Writes results to `ops.validation_results`, and what they hold back. How they came about is `evaluate.py`'s."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, insert

from expectations import holds
from expectations.evaluate import ValidationResult
from expectations.groups import Period, instant_of
from expectations.look import Look, note_judged
from expectations.suites import SUITES
from expectations.window import Window
from warehouse.tables import validation_results


def record(
    engine: Engine,
    window: Window,
    suites: Collection[str],
    results: Sequence[ValidationResult],
    seen: Look,
    dagster_run_id: str | None,
) -> list[ValidationResult]:
    """Store all results of a validation and the holds that follow from them, or nothing.

    Args:
        engine: On the warehouse.
        window: What was validated.
        suites: By which suites.
        results: One row each.
        seen: From `look.look`, before they were validated.
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
    passed: dict[str, set[Period]] = {"hour": set(), "day": set()}
    for result in results:
        for grain, site_code, start in result.passed_receipts:
            # Of an hour that only a part of the window shows, too little is known.
            if grain == "day" or seen.are_receipts(site_code, start):
                passed[grain].add((result.suite, result.expectation, site_code, instant_of(start)))
    with engine.begin() as connection:
        connection.execute(insert(validation_results), rows)
        if set(suites) >= SUITES.keys():
            note_judged(connection, window, seen)
        unknown = holds.record(connection, window, suites, failed, passed["hour"], passed["day"], seen, dagster_run_id)
    hours: dict[tuple[str, str], list[datetime]] = {}
    for hold in unknown:
        hours.setdefault((hold.suite, hold.expectation), []).append(hold.hour)
    return [replace(result, unheld=tuple(hours.get((result.suite, result.expectation), ()))) for result in results]
