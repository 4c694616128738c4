"""The platform on one machine from the command line: `up` and `demo`. What these do is in `orchestration.local`."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


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


def main() -> None:
    """Run a command; errors that a person can mend are one line."""
    from orchestration.local.errors import LocalPlatformError
    from warehouse.errors import WarehouseError

    # A background shell hands SIGINT over ignored, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(standalone_mode=False)
    except (LocalPlatformError, WarehouseError) as error:
        sys.exit(f"millrace: {error}")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


if __name__ == "__main__":
    main()
