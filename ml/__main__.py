"""Training, scoring and promotion from the command line, for people. Dagster calls the functions themselves."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Engine

    from ml.detectors.protocol import Progress

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
LATEST_DECISIONS = 3
EquipmentClass = Annotated[str, typer.Argument(help="Equipment class, such as pump.")]


@app.command()
def train(equipment_class: EquipmentClass) -> None:
    """Train all candidates and let the best challenge the champion."""
    from ml.cause import Cause
    from ml.train import train

    console = _console()
    with _warehouse() as engine, console.status("starting") as status:
        outcome = train(engine, equipment_class, Cause(trigger="manual"), progress=_show(status.update))
    console.print(f"{outcome.model_name} v{outcome.version}: {outcome.outcome.in_words}. {outcome.reason}")


@app.command()
def score(
    start: Annotated[datetime, typer.Argument(help="First moment, UTC.")],
    end: Annotated[datetime, typer.Argument(help="Moment after the last, UTC.")],
) -> None:
    """Score a range of time with the present champions."""
    from ml.score import score_range

    console = _console()
    with _warehouse() as engine, console.status("starting") as status:
        done = score_range(engine, start.replace(tzinfo=UTC), end.replace(tzinfo=UTC), progress=_show(status.update))
    console.print(
        f"{done.window_count:,} windows of {done.equipment_count} machines, {done.anomalous_count:,} anomalous in "
        f"{done.anomaly_count} anomalies; models: {done.models or 'no champion'}"
    )


@app.command()
def train_rul(equipment_class: EquipmentClass) -> None:
    """Train the models of remaining life; the better one becomes champion if it beats the naive baseline."""
    from ml.cause import Cause
    from ml.rul.train import train

    console = _console()
    with _warehouse() as engine, console.status("starting") as status:
        outcome = train(engine, equipment_class, Cause(trigger="manual"), progress=_show(status.update))
    verdict = "promoted" if outcome.is_promoted else "kept as challenger"
    console.print(f"{outcome.model_name} v{outcome.version}: {verdict}. {outcome.reason}")


@app.command()
def forecast() -> None:
    """Forecast the remaining life of all running equipment with the present champions."""
    from ml.rul.predict import forecast_all

    with _warehouse() as engine:
        done = forecast_all(engine)
    _console().print(f"{done.equipment_count} machines forecast; models: {done.models or 'no champion'}")


@app.command()
def export(
    equipment_class: EquipmentClass,
    folder: Annotated[Path, typer.Argument(help="Where the file goes: <equipment class>.parquet.")],
    start: Annotated[datetime, typer.Option("--from", help="First moment, UTC.")],
    end: Annotated[datetime, typer.Option("--to", help="Moment after the last, UTC.")],
) -> None:
    """Write readings on the grid to Parquet, for training elsewhere."""
    from ml.bulk_export import export
    from ml.settings import MlSettings

    path = folder / f"{equipment_class}.parquet"
    with _warehouse() as engine, engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        moments = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)
        done = export(connection, equipment_class, *moments, path, MlSettings().grid_s)
    _console().print(f"{path}: {done.row_count:,} rows of {len(done.sensors)} sensors, SHA-256 {done.sha256}")


@app.command()
def status() -> None:
    """Show champions, the latest decisions about them, who scores beside them and open drift episodes."""
    from rich.table import Table

    from ml.drift import open_episodes
    from ml.promotions import history, shadows
    from ml.registry import champions
    from ml.settings import MlSettings
    from ml.shadow import ends_at

    console = _console()
    table = Table("model", "champion", "decided", "about", "decision", "trigger", "reason")
    with _warehouse() as engine:
        for champion in champions():
            for made in history(engine, champion.model_name)[-LATEST_DECISIONS:]:
                about = (f"{made.decided_at:%Y-%m-%d %H:%M}", f"v{made.challenger_version}", made.outcome.in_words)
                table.add_row(champion.model_name, f"v{champion.version}", *about, made.trigger, made.reason)
        console.print(table)
        for shadow in shadows(engine):
            console.print(
                f"{shadow.model_name}: v{shadow.challenger_version} scores beside v{shadow.champion_version} until the "
                f"data reach {ends_at(shadow, MlSettings()):%Y-%m-%d %H:%M} UTC"
            )
        for episode in open_episodes(engine):
            console.print(
                f"drift since {episode.detected_at:%Y-%m-%d %H:%M} UTC: {episode.stream} at {episode.site_code}, "
                f"{episode.mean_before:.2f} to {episode.mean_after:.2f} ({episode.band})"
            )


@app.command()
def settle() -> None:
    """Decide about challengers whose time beside the champion is over, as every scoring by Dagster does."""
    from ml.shadow import settle

    console = _console()
    with _warehouse() as engine:
        decisions = settle(engine)
    for made in decisions:
        console.print(f"{made.model_name} v{made.challenger_version}: {made.outcome.in_words}. {made.reason}")
    if not decisions:
        console.print("No challenger's time beside the champion is over.")


@app.command()
def rollback(
    equipment_class: EquipmentClass,
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")] = "by hand",
    remaining_life: Annotated[bool, typer.Option("--remaining-life", help="Of the models of remaining life.")] = False,
) -> None:
    """Make the champion before the present one champion again."""
    from ml import registry
    from ml.rollback import roll_back
    from ml.rul.tracking import PREFIX

    prefix = PREFIX if remaining_life else registry.PREFIX
    with _warehouse() as engine:
        decision = roll_back(engine, equipment_class, reason=reason, prefix=prefix)
    gone, back = decision.champion_version, decision.challenger_version
    _console().print(f"{decision.model_name}: v{back} is champion again, v{gone} no longer.")


@contextmanager
def _warehouse() -> Iterator["Engine"]:
    """The warehouse of the settings; errors that a person can mend are one line, not a stack."""
    from ml.errors import MlError
    from ml.settings import MlSettings
    from warehouse.engine import create_engine
    from warehouse.errors import WarehouseError

    try:
        engine = create_engine(MlSettings().warehouse_dsn())
        try:
            yield engine
        finally:
            engine.dispose()
    except (MlError, WarehouseError) as error:
        sys.exit(f"millrace: {error}")


def _console() -> "Console":
    from rich.console import Console

    return Console()


def _show(update: Callable[[str], None]) -> "Progress":
    return lambda stage, share: update(f"{stage} {share:.0%}")


if __name__ == "__main__":
    app(prog_name="python -m ml")
