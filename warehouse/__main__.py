"""Commands of the ground floor: `python -m warehouse --help` lists them. The work itself is done elsewhere."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from warehouse import backup_commands, storage_commands
from warehouse.settings import DATABASES, RoleSettings, WarehouseSettings
from warehouse.storage_commands import owned_warehouse, told_in_one_line

app = typer.Typer(
    help="The embedded database, backups, the schema of both databases, and what becomes of old raw rows.",
    no_args_is_help=True,
)
for more in (storage_commands.commands, backup_commands.commands):
    app.registered_commands += more.registered_commands
    app.registered_groups += more.registered_groups


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


@app.command()
def import_worker_names(
    file: Annotated[Path, typer.Argument(help="CSV with a header and the columns worker_code, name")],
    site: Annotated[str, typer.Option(help="Code of the site they work at")],
) -> None:
    """Say who the workers are, in restricted.worker_names: nothing else holds a name."""
    from warehouse.engine import create_engine
    from warehouse.worker_names import import_names

    with told_in_one_line():
        count = import_names(create_engine(WarehouseSettings().warehouse_dsn()), site, file)
    typer.echo(f"{count} names of site {site} are in restricted.worker_names.")


@app.command()
def erase_worker(
    worker: Annotated[str, typer.Argument(help="The code to forget")],
    site: Annotated[str, typer.Option(help="Code of the site the worker belongs to")],
    pseudonym: Annotated[
        str, typer.Option("--as", help="What `python -m ingestion_api erase-worker` put in its place")
    ],
) -> None:
    """Put a pseudonym in the place of a worker's code in every table and file, and delete the name. Totals stay."""
    from warehouse.worker_erasure import erase_everywhere

    with told_in_one_line(), owned_warehouse() as (settings, engine):
        changed, files = erase_everywhere(engine, settings.archive(), site, worker, pseudonym)
    for table, count in changed.items():
        typer.echo(f"{count:>9} rows of {table}")
    if files:
        typer.echo(f"{files:>9} files of the archive")
    is_gone = not changed and not files
    typer.echo(f"Nothing in the warehouse names {worker}." if is_gone else f"{worker} is {pseudonym} from now on.")


@app.command()
def repeat_erasures() -> None:
    """Erase again whom the archive knows to be erased: after a restore of the databases to an earlier moment."""
    from warehouse.storage_lock import exclusively

    with (
        told_in_one_line(),
        owned_warehouse() as (settings, engine),
        exclusively(engine, settings.archive(), are_all_repeated=True) as repeated,
    ):
        for worker in repeated:
            typer.echo(f"{worker.worker_code} of {worker.site_code} is {worker.pseudonym} again.")
    typer.echo(f"{len(repeated)} erasures were done again.")


@app.command()
def roles(
    rotate: Annotated[bool, typer.Option(help="Make up new passwords, also where there are some")] = False,
    reader: Annotated[str, typer.Option(help="Make only a login for a BI tool, of this name")] = "",
) -> None:
    """Give each package, Dagster and MLflow a login of its own, or a BI tool one; docs/access.md tells the rights."""
    from warehouse import roles as access

    with told_in_one_line():
        settings = WarehouseSettings()
        file = settings.logins_file
        known = access.read_logins(file)
        if reader:
            url = access.create_reader(settings.warehouse_dsn(), reader, access.new_password())
            access.write_logins(file, {**known, reader: {"url": url}})
        else:
            kept = {} if rotate else access.kept_passwords(known)
            made = {role: access.new_password() for role in (*access.PACKAGES, *access.TOOLS)}
            passwords = {**made, **kept, **RoleSettings().passwords()}
            logins = access.enable_logins(settings.dsns(), passwords)
            access.write_logins(file, {**known, **logins})
    for name in [reader] if reader else passwords:
        typer.echo(f"{name} may log in.")
    typer.echo(f"The URLs, passwords included, are in {file}; nobody else may read it.")


if __name__ == "__main__":
    app(prog_name="python -m warehouse")
