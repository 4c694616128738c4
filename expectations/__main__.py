"""Command line: `python -m expectations validate`, `thresholds`, `holds`, `release`. What is expected: `suites/`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from expectations.data_docs import index_page
from expectations.errors import ExpectationsError
from expectations.holds import OpenHold, open_holds, release
from expectations.settings import ExpectationsSettings
from expectations.suites import SUITES
from expectations.thresholds import Thresholds, read, unknown_names
from expectations.validate import ValidationResult, validate_window
from expectations.window import instant
from warehouse.engine import create_engine
from warehouse.errors import WarehouseError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Hold loaded data to its quality thresholds."""


@app.command()
def validate(
    start: Annotated[str, typer.Option("--from", help="First instant, ISO 8601; UTC unless it says otherwise")],
    end: Annotated[str, typer.Option("--to", help="First instant after the window")],
    suite: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SUITES)}; may be repeated")] = None,
) -> None:
    """Validate a window. Exits with 1 when a critical expectation fails, with 2 when nothing could be said."""
    console = Console()
    unknown = set(suite or ()) - set(SUITES)
    if unknown:
        raise typer.BadParameter(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    with _telling(), console.status("Validating"):
        validation = validate_window(
            ExpectationsSettings().warehouse_dsn(), instant(start), instant(end), suites=suite or SUITES
        )
    console.print(_table(validation.results))
    for warning in validation.warnings:
        typer.echo(f"expectations: {warning}", err=True)
    console.print(f"Data Docs: {index_page(ExpectationsSettings().data_docs_dir)}", soft_wrap=True)
    raise typer.Exit(any(result.blocks for result in validation.results))


@app.command(name="thresholds")
def show_thresholds() -> None:
    """Show what the data is held to. Exits with 2 where a line is not right, or names what no registry knows."""
    with _telling(), _warehouse() as engine:
        limits = read(ExpectationsSettings().thresholds)
        unknown = unknown_names(engine, limits)
    Console().print(_thresholds(limits))
    for problem in unknown:
        typer.echo(f"expectations: {problem}", err=True)
    raise typer.Exit(2 if unknown else 0)


@app.command()
def holds() -> None:
    """Show the hours that a failed expectation holds back. Exits with 2 when nothing could be said."""
    with _telling(), _warehouse() as engine:
        found = open_holds(engine)
    Console().print(_holds(found) if found else "No hour is held back.")


@app.command(name="release")
def let_go(
    site: Annotated[str, typer.Option(help="Whose hours")],
    start: Annotated[str, typer.Option("--from", help="First instant, ISO 8601; UTC unless it says otherwise")],
    end: Annotated[str, typer.Option("--to", help="First instant after the hours")],
    by: Annotated[str, typer.Option(help="Who says so: a name, kept for good")],
    reason: Annotated[str, typer.Option(help="Why the hours may pass though they failed; kept for good")],
) -> None:
    """Let held hours go: with the next rollup they reach the marts. Exits with 2 when nothing was let go."""
    with _telling(), _warehouse() as engine:
        hours = release(engine, site, instant(start), instant(end), by=by, reason=reason)
    listed = ", ".join(f"{hour:%F %H:%M}" for hour in hours)
    typer.echo(f"{len(hours)} hour{'s' if len(hours) > 1 else ''} of {site} let go: {listed} UTC")


@contextmanager
def _telling() -> Iterator[None]:
    """Tell what is wrong in one line."""
    try:
        yield
    except (ExpectationsError, WarehouseError) as error:
        typer.echo(f"expectations: {error}", err=True)
        raise typer.Exit(2) from None
    except DBAPIError as error:
        typer.echo(f"expectations: {' '.join(str(error.orig).split())}", err=True)
        raise typer.Exit(2) from None


@contextmanager
def _warehouse() -> Iterator[Engine]:
    engine = create_engine(ExpectationsSettings().warehouse_dsn())
    try:
        yield engine
    finally:
        engine.dispose()


def _thresholds(limits: Thresholds) -> Table:
    table = Table("expectation", "of", "limit", "severity", "reason")
    for default in limits.defaults.values():
        own = [line for line in limits.exceptions if line.expectation == default.expectation]
        for line in (default, *own):
            table.add_row(line.expectation, line.about, line.bound, line.severity, line.reason)
    return table


def _holds(found: Sequence[OpenHold]) -> Table:
    table = Table("site", "hour (UTC)", "suite", "expectation", "worst", "of", "held since")
    # On a narrow terminal too it can be read in full: it is what one looks for.
    table.columns[3].overflow = "fold"
    for hold in found:
        subjects = ", ".join(hold.observed["subjects"])
        more = hold.observed["subject_count"] - len(hold.observed["subjects"])
        table.add_row(
            hold.site_code,
            f"{hold.hour:%F %H:%M}",
            hold.suite,
            hold.expectation,
            f"{hold.observed['worst']:g}",
            f"{subjects} and {more} more" if more else subjects,
            f"{hold.held_at:%F %H:%M}",
        )
    return table


def _table(results: Sequence[ValidationResult]) -> Table:
    table = Table("suite", "expectation", "result", "worst", "limit", "items", "failed groups")
    for result in results:
        outcome = "passed" if result.is_success else result.severity
        observed = result.observed
        table.add_row(
            result.suite,
            result.expectation,
            f"{outcome}, {observed['note']}" if "note" in observed else outcome,
            f"{observed['worst']:g}",
            observed["limit"],
            f"{observed['item_count']:,}",
            f"{observed['failed_group_count']:,}",
        )
    return table


if __name__ == "__main__":
    app(prog_name="python -m expectations")
