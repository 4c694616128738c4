"""Validates a window of loaded data: the one entry for Dagster and the command line. What is expected is in `suites/`.

Great Expectations takes seconds to import, so it is imported when the first window is validated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from expectations import data_docs, thresholds
from expectations.evaluate import ValidationResult, close_datasource, evaluate, open_datasource
from expectations.look import look
from expectations.results import record
from expectations.settings import ExpectationsSettings
from expectations.suites import SUITES
from expectations.window import Window
from warehouse.engine import create_engine

__all__ = ["Validation", "ValidationResult", "validate_window"]


@dataclass(frozen=True)
class Validation:
    """How a window fared.

    Attributes:
        results: One for each expectation.
        warnings: What did not go well beside it, one line each: Data Docs that cannot be written, thresholds about
            sites that nobody registered.
        pages: By suite where its page lies in Data Docs; empty where they cannot be written.
    """

    results: tuple[ValidationResult, ...]
    warnings: tuple[str, ...]
    pages: Mapping[str, str]


def validate_window(
    url: str,
    start: datetime,
    end: datetime,
    *,
    dagster_run_id: str | None = None,
    docs_dir: Path | None = None,
    suites: Iterable[str] = tuple(SUITES),
) -> Validation:
    """Validate the rows of [start, end), write `ops.validation_results` and `ops.holds`, and build Data Docs.

    Hours with rows that break a critical threshold are held back; held ones that pass now are let go.
    Readings and events are taken by event time; the ledger by the time the API received a batch, and with it the hours
    of receipt of what waits in the window, whenever they were.

    Args:
        url: SQLAlchemy URL of the warehouse; names its driver.
        start: First instant of the window, with a time zone.
        end: First instant after the window, with a time zone.
        dagster_run_id: The Dagster run that asks, if one does.
        docs_dir: Where Data Docs are; by default the setting `data_docs_dir`.
        suites: Names of the suites to evaluate.

    Returns:
        One result for each expectation. A failed one is a result, not an error.

    Raises:
        WindowInvalid: The window is empty or reversed, or a bound has no time zone.
        ThresholdsInvalid: The file of thresholds is not right; nothing was written.
        WarehouseUnreachable: The warehouse does not answer.
        ValidationBroken: An expectation could not be evaluated; nothing was written.
    """
    window = Window(start, end)
    settings = ExpectationsSettings()
    limits = thresholds.read(settings.thresholds)
    context = data_docs.open_context(limits)
    datasource = open_datasource(context, url)
    engine = create_engine(url)
    try:
        names = tuple(suites)
        seen = look(engine, window)
        found = [each for name in names for each in evaluate(context, datasource, SUITES[name], limits, window)]
        results = record(engine, window, names, found, seen, dagster_run_id)
        warnings = thresholds.unknown_names(engine, limits)
    finally:
        close_datasource(datasource)
        engine.dispose()
    # Last, and whatever comes of it: who validates holds hours back, and that is done.
    problem = data_docs.build(context, docs_dir or settings.data_docs_dir, settings.data_docs_history)
    if problem:
        return Validation(tuple(results), (*warnings, problem), {})
    return Validation(tuple(results), tuple(warnings), data_docs.pages(context))
