"""Commands of the ground floor: `python -m warehouse`. The work itself is done elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import ValidationError

from warehouse.errors import WarehouseError
from warehouse.settings import DATABASES, RoleSettings, WarehouseSettings

app = typer.Typer(help="The embedded database and the schema of both databases.", no_args_is_help=True)


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    try:
        yield
    except WarehouseError as error:
        typer.echo(f"millrace: {error}", err=True)
        raise typer.Exit(1) from error
    except ValidationError as error:
        faults = (f"MILLRACE_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        typer.echo(f"millrace: {'; '.join(faults)}", err=True)
        raise typer.Exit(1) from error


@app.command()
def start() -> None:
    """Start the embedded database (or adopt a running one) and create the four databases in it."""
    with _told_in_one_line():
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
    with _told_in_one_line():
        WarehouseSettings().embedded().stop()


@app.command()
def status() -> None:
    """Tell whether the embedded database runs; exit code 3 where it does not."""
    with _told_in_one_line():
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

    with _told_in_one_line():
        settings = WarehouseSettings()
        migrate_branch(settings.api_dsn(), "api")
        migrate_branch(settings.warehouse_dsn(), "warehouse")


@app.command()
def roles(
    rotate: Annotated[bool, typer.Option(help="Make up new passwords, also where there are some")] = False,
    reader: Annotated[str, typer.Option(help="Make only a login for a BI tool, of this name")] = "",
) -> None:
    """Give each package, Dagster and MLflow a login of its own, or a BI tool one; docs/access.md tells the rights."""
    from warehouse import roles as access

    with _told_in_one_line():
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
