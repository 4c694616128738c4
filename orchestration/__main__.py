"""The platform from the command line: `up`, `demo`, `doctor`, `docs` and more. What these do is done elsewhere."""

import signal
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import click
import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _moment(said: str) -> datetime:
    return datetime.fromisoformat(said)


@app.command()
def up() -> None:
    """Start the platform and keep it running until Ctrl-C."""
    from orchestration.local.platform import Platform
    from orchestration.local.reporter import Reporter
    from warehouse.settings import WarehouseSettings

    reporter = Reporter()
    with Platform(WarehouseSettings().data_dir, reporter) as platform:
        reporter.settle()
        for what, url in platform.addresses():
            reporter.console.print(f"  {what:<18} {url}")
        platform.stay_up()


@app.command()
def doctor() -> None:
    """Look at what the platform stands on; each line is ok or says what to do. Exits 1 where one failed."""
    from rich.console import Console

    from orchestration.doctor.examination import examine, show
    from orchestration.doctor.finding import Patient

    findings = list(examine(Patient()))
    show(findings, Console(highlight=False, soft_wrap=True))
    if any(finding.status == "failed" for finding in findings):
        sys.exit(1)


@app.command()
def metrics(
    host: Annotated[str, typer.Option(help="Address; let Prometheus alone reach it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of /metrics.", min=1, max=65535)] = 9465,
) -> None:
    """Serve what waits and what is held back to Prometheus until Ctrl-C."""
    from datetime import UTC

    from orchestration.defs.lag import measure
    from orchestration.defs.resources import SitesResource
    from orchestration.lag import Looks
    from orchestration.metrics import PlatformMetrics, serve
    from warehouse import ledger
    from warehouse.engine import create_engine
    from warehouse.settings import warehouse_dsn

    engine, looks = create_engine(warehouse_dsn(None)), Looks()
    platform = PlatformMetrics(
        lambda: measure(engine, SitesResource(), looks, datetime.now(UTC)).values(), lambda: ledger.held(engine)
    )
    _, thread = serve(platform, host, port)
    typer.echo(f"The metrics are at http://{host}:{port}/metrics until Ctrl-C.")
    thread.join()


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="Exit at the end instead of staying up.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="A folder of CSV files to replay.", exists=True, file_okay=False)
    ] = None,
    hours: Annotated[int, typer.Option(help="Hours of simulated history.", min=24)] = 72,
) -> None:
    """Replay a plant through the platform and show what came out."""
    from orchestration.local.demo import run_demo
    from orchestration.local.reporter import Reporter
    from warehouse.settings import WarehouseSettings

    is_reconciled = run_demo(WarehouseSettings().data_dir / "demo", Reporter(), data, hours, once)
    if not is_reconciled:
        sys.exit("millrace: the figures above do not reconcile; this is a bug, please report it with the logs")


@app.command()
def as_known_at(
    moment: Annotated[datetime, typer.Argument(help="ISO 8601, such as 2026-03-02T10:00Z.", parser=_moment)],
    start: Annotated[
        date | None, typer.Option("--from", help="First site-local date to build.", parser=date.fromisoformat)
    ] = None,
    end: Annotated[
        date | None, typer.Option("--to", help="The date after the last one.", parser=date.fromisoformat)
    ] = None,
    name: Annotated[str, typer.Option(help="Of the copy: it is built in marts_as_known_NAME.")] = "",
) -> None:
    """Build the marts as known at a past moment, in schemas of their own."""
    from orchestration.as_known import build_copy
    from orchestration.errors import CopyFailed
    from orchestration.manifest import load_manifest, prepare_manifest
    from warehouse.as_known import suffix_of
    from warehouse.settings import WarehouseSettings

    if (start is None) != (end is None):
        raise CopyFailed("--from and --to go together")
    prepare_manifest()
    dates = (start, end) if start is not None and end is not None else None
    build_copy(WarehouseSettings().warehouse_dsn(), load_manifest(), moment, name=name, dates=dates)
    typer.echo(f"Read it in the schema marts{suffix_of(name)}; drop it by: python -m orchestration drop-as-known")


@app.command()
def drop_as_known(name: Annotated[str, typer.Option(help="Of the copy.")] = "") -> None:
    """Drop a copy that as-known-at has built."""
    from warehouse.as_known import drop_copy
    from warehouse.engine import create_engine
    from warehouse.settings import WarehouseSettings

    drop_copy(create_engine(WarehouseSettings().warehouse_dsn()), name)


@app.command()
def docs(
    port: Annotated[int, typer.Option(help="Loopback port.", min=1, max=65535)] = 8590,
    once: Annotated[bool, typer.Option(help="Build the page and exit.")] = False,
) -> None:
    """Build the documentation of the models and serve it until Ctrl-C."""
    from orchestration.local.dbt_docs import LOOPBACK, build, open_server, reachable_warehouse
    from warehouse.settings import WarehouseSettings

    dsn = reachable_warehouse(WarehouseSettings())
    if dsn is None:
        typer.echo(
            "The warehouse does not run, so the docs tell what the project says, not which tables there are: for these,"
            " start it (make up) and run this again. The demo's is another one: MILLRACE_DATA_DIR=.millrace/demo."
        )
    site = build(dsn)
    typer.echo(f"The page is {site / 'index.html'}")
    if not once:
        with open_server(site, port) as server:
            typer.echo(f"The docs are at http://{LOOPBACK}:{port} until Ctrl-C.")
            server.serve_forever()


def main() -> None:
    """Run a command; errors that a person can mend are one line."""
    from orchestration.errors import OrchestrationError
    from orchestration.local.errors import LocalPlatformError
    from warehouse.errors import WarehouseError

    # A background shell hands SIGINT over ignored, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (LocalPlatformError, OrchestrationError, WarehouseError) as error:
        sys.exit(f"millrace: {error}")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


if __name__ == "__main__":
    main()
