"""Commands about backups: backup, restore-backup, drill. What they do is done elsewhere."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from warehouse.errors import BackupFailed
from warehouse.settings import WarehouseSettings
from warehouse.storage_commands import told_in_one_line

commands = typer.Typer()


@commands.command()
def backup() -> None:
    """Take a verified base backup of the embedded database into MILLRACE_BACKUP_DIR, and delete the oldest."""
    from warehouse.backup import take, why_not

    with told_in_one_line():
        settings = WarehouseSettings()
        if reason := why_not(settings):
            raise BackupFailed(reason)
        taken = take(settings.embedded(), settings.backups_kept)
    typer.echo(f"Base backup in {taken.directory}; it and the WAL after it restore any moment from now on.")


@commands.command()
def restore_backup(
    to: Annotated[str, typer.Option(help="Moment, ISO 8601, UTC unless it says otherwise; left out: all")] = "",
) -> None:
    """Restore the embedded database, which must be stopped; the cluster that is there is set aside."""
    from warehouse.backup_restore import restore

    with told_in_one_line():
        restored = restore(WarehouseSettings().embedded(), _moment(to) if to else None)
    typer.echo(f"Restored from {restored.backup.directory}, last transaction: {restored.last_commit_at or 'none'}.")
    if restored.aside:
        typer.echo(f"What was there before is in {restored.aside}: delete it when it is not needed.")
    typer.echo("Start the database: python -m warehouse start")


@commands.command()
def drill(
    seconds: Annotated[float, typer.Option(help="How long to load before the crash, after the base backup")] = 180,
) -> None:
    """Lose a throw-away database and restore it: measures recovery point and time against C29's 15 min and 1 h."""
    from warehouse.drill import run

    with told_in_one_line():
        report = run(seconds)
    typer.echo("\n".join(report.lines()))
    raise typer.Exit(not report.is_passed)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BackupFailed(f"{text!r} is not a time; write it like 2026-01-31T06:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
