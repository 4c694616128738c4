"""Command line: `python -m expectations validate`. What is expected is in `suites/`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from expectations.data_docs import index_page
from expectations.errors import ExpectationsError, WindowInvalid
from expectations.settings import ExpectationsSettings
from expectations.suites import SUITES
from expectations.validate import ValidationResult, validate_window
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
    try:
        with console.status("Validating"):
            results = validate_window(
                ExpectationsSettings().warehouse_dsn(), _instant(start), _instant(end), suites=suite or SUITES
            )
    except (ExpectationsError, WarehouseError) as error:
        typer.echo(f"expectations: {error}", err=True)
        raise typer.Exit(2) from None
    console.print(_table(results))
    console.print(f"Data Docs: {index_page(ExpectationsSettings().data_docs_dir)}", soft_wrap=True)
    raise typer.Exit(any(result.blocks for result in results))


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise WindowInvalid(f"{text!r} is not a time; write it like 2026-01-31T06:00:00Z") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


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
