"""Commands of the ground floor: `python -m warehouse --help` lists them. The work itself is done elsewhere."""

import sys

import typer

from warehouse.settings import DATABASES, WarehouseSettings
from warehouse.storage_commands import commands, told_in_one_line

app = typer.Typer(
    help="The embedded database, the schema of both databases, and what becomes of old raw rows.", no_args_is_help=True
)
app.registered_commands += commands.registered_commands
app.registered_groups += commands.registered_groups


@app.command()
def start() -> None:
    """Start the embedded database (or adopt a running one) and create the four databases in it."""
    with told_in_one_line():
        settings = WarehouseSettings()
        if not settings.needs_embedded():
            typer.echo("All four database URLs are set: the embedded database is not used.")
            return
        server = settings.embedded()
        server.start()
        for name in DATABASES:
            server.ensure_database(name)
    typer.echo(f"PostgreSQL runs on 127.0.0.1:{server.port}, data in {server.cluster}, log in {server.log_file}.")


@app.command()
def stop() -> None:
    """Stop the embedded database."""
    with told_in_one_line():
        WarehouseSettings().embedded().stop()


@app.command()
def status() -> None:
    """Tell whether the embedded database runs; exit code 3 where it does not."""
    with told_in_one_line():
        server = WarehouseSettings().embedded()
        is_running = server.is_running()
    if is_running:
        typer.echo(
            f"PostgreSQL runs on 127.0.0.1:{server.port} (process {server.postmaster_pid()}), data in {server.cluster}."
        )
    else:
        typer.echo(f"PostgreSQL does not run; its data would be in {server.cluster}.")
        sys.exit(3)


@app.command()
def migrate() -> None:
    """Bring the API's database and the warehouse to the current revision."""
    from warehouse.migrate import migrate as migrate_branch

    with told_in_one_line():
        settings = WarehouseSettings()
        migrate_branch(settings.api_dsn(), "api")
        migrate_branch(settings.warehouse_dsn(), "warehouse")


if __name__ == "__main__":
    app(prog_name="python -m warehouse")
