"""Writes results to `ops.validation_results`. How they came about is `evaluate.py`'s."""

from collections.abc import Sequence

from sqlalchemy import Engine, insert

from expectations.evaluate import ValidationResult
from expectations.window import Window
from warehouse.tables import validation_results


def record(engine: Engine, window: Window, results: Sequence[ValidationResult], dagster_run_id: str | None) -> None:
    """Store all results of a validation, or none.

    Args:
        engine: On the warehouse.
        window: What was validated.
        results: One row each.
        dagster_run_id: The Dagster run that asked, if one did.
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
        }
        for result in results
    ]
    with engine.begin() as connection:
        connection.execute(insert(validation_results), rows)
