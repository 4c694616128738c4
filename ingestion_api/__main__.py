"""Commands of the ingestion API: `python -m ingestion_api serve|keys`. The work itself is done elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import Connection, NullPool
from sqlalchemy.exc import DBAPIError

from ingestion_api.auth import SCOPES, Scope, create_key, list_keys, revoke_key
from ingestion_api.errors import IngestionError
from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_engine
from warehouse.errors import WarehouseError

app = typer.Typer(help="The ingestion API: takes readings and events from devices.", no_args_is_help=True)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    try:
        yield
    except (IngestionError, WarehouseError) as error:
        typer.echo(f"millrace: {error}", err=True)
        raise typer.Exit(1) from error
    except DBAPIError as error:
        said = str(error.orig).strip().partition("\n")[0]
        typer.echo(
            f"millrace: the API's database does not do that: {said}."
            " Is it started (`python -m warehouse start`) and migrated (`python -m warehouse migrate`)?",
            err=True,
        )
        raise typer.Exit(1) from error


@contextmanager
def _connection() -> Iterator[Connection]:
    with _told_in_one_line():
        engine = create_engine(IngestionApiSettings().dsn(), poolclass=NullPool)
        with engine.begin() as connection:
            yield connection


@app.command()
def serve() -> None:
    """Serve until Ctrl-C. Where and what is set by MILLRACE_API_… variables."""
    from ingestion_api.server import serve as serve_api

    with _told_in_one_line():
        serve_api(IngestionApiSettings())


@keys.command("create")
def create(
    name: Annotated[str, typer.Option(help="What batches will be known by; never used again for another key")],
    site: Annotated[str, typer.Option(help="Code of the site the key belongs to")],
    scopes: Annotated[str, typer.Option(help=f"Comma-separated, of {', '.join(SCOPES)}")],
) -> None:
    """Make a key and print it: nobody can show it again."""
    with _connection() as connection:
        typer.echo(create_key(connection, name, site, _scopes(scopes)))


@keys.command("list")
def show() -> None:
    """List the keys, revoked ones included; the keys themselves are not stored."""
    with _connection() as connection:
        for key in list_keys(connection):
            used = f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else used
            typer.echo(f"{key.name}\t{key.site_code}\t{','.join(key.scopes)}\t{state}")


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the key")]) -> None:
    """Revoke a key: running instances refuse it within five seconds."""
    with _connection() as connection:
        revoke_key(connection, name)


def _scopes(text: str) -> list[Scope]:
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    known = {scope: scope for scope in SCOPES}
    if not wanted or not known.keys() >= set(wanted):
        raise typer.BadParameter(f"choose from {', '.join(SCOPES)}", param_hint="--scopes")
    return [known[scope] for scope in wanted]  # type: ignore[index]


if __name__ == "__main__":
    app(prog_name="python -m ingestion_api")
