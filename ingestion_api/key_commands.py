"""The commands `python -m ingestion_api keys …`. What they do to a key is in `auth.py`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import Connection, NullPool
from sqlalchemy.exc import DBAPIError

from ingestion_api.auth import (
    SCOPES,
    SHORTHANDS,
    KeyRow,
    create_key,
    expand,
    find_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from ingestion_api.errors import IngestionError
from ingestion_api.quotas import PRESETS
from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_engine
from warehouse.errors import WarehouseError

keys = typer.Typer(help="API keys.", no_args_is_help=True)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"(\d{1,5})([smhd])")


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn what was foreseen into one line on standard error, and leave with 1."""
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
    with told_in_one_line():
        engine = create_engine(IngestionApiSettings().dsn(), poolclass=NullPool)
        with engine.begin() as connection:
            yield connection


@keys.command("create")
def create(
    name: Annotated[str, typer.Option(help="What batches will be known by; never used again for another key")],
    site: Annotated[str, typer.Option(help="Code of the site the key belongs to")],
    scopes: Annotated[str, typer.Option(help=f"Comma-separated, of {', '.join(SCOPES)}; push is both pushes")],
    equipment: Annotated[str | None, typer.Option(help="What items are of that name no equipment")] = None,
    preset: Annotated[str | None, typer.Option(help=f"Quotas by name: {', '.join(PRESETS)}")] = None,
    requests_per_min: Annotated[int | None, typer.Option(min=0, help="Instead of the preset's; 0: no limit")] = None,
    items_per_min: Annotated[int | None, typer.Option(min=0, help="Instead of the preset's; 0: no limit")] = None,
    expires: Annotated[
        str | None, typer.Option(help="After how long it stops working, such as 90d; else never")
    ] = None,
) -> None:
    """Make a key and print it: nobody can show it again."""
    wanted = _scopes(scopes)
    if preset is not None and preset not in PRESETS:
        raise typer.BadParameter(f"choose from {', '.join(PRESETS)}", param_hint="--preset")
    quota = PRESETS[preset] if preset else None
    ends = datetime.now(UTC) + _span(expires, "--expires") if expires else None
    with _connection() as connection:
        key = create_key(
            connection,
            name,
            site,
            wanted,
            equipment_code=equipment,
            requests_per_min=quota.requests_per_min if quota and requests_per_min is None else requests_per_min,
            items_per_min=quota.items_per_min if quota and items_per_min is None else items_per_min,
            expires_at=ends,
        )
        typer.echo(key)


@keys.command("list")
def list_all() -> None:
    """List the keys, revoked ones included, in columns by tabs; the keys themselves are not stored."""
    with _connection() as connection:
        for key in list_keys(connection):
            typer.echo("\t".join([key.name, *(value for _, value in _facts(key))]))


@keys.command()
def show(name: Annotated[str, typer.Argument(help="Name of the key")]) -> None:
    """Show what is known of one key."""
    with _connection() as connection:
        key = find_key(connection, name)
    for label, value in [("name", key.name), *_facts(key)]:
        typer.echo(f"{label:<18}{value}")


@keys.command()
def rotate(
    name: Annotated[str, typer.Argument(help="Name of the key")],
    grace: Annotated[
        str, typer.Option(help="How long the old one works still, such as 24h; 0 cuts it at once")
    ] = "24h",
) -> None:
    """Make a new secret for a key and print it; scopes, quotas and name stay."""
    span = _span(grace, "--grace")
    with _connection() as connection:
        typer.echo(rotate_key(connection, name, span))


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the key")]) -> None:
    """Revoke a key: every running instance refuses its next request."""
    with _connection() as connection:
        revoke_key(connection, name)


def _facts(key: KeyRow) -> list[tuple[str, str]]:
    """Tell of a key all but its name."""
    return [
        ("site", key.site_code),
        ("scopes", ",".join(key.scopes)),
        ("equipment", key.equipment_code or "any equipment"),
        ("requests/min", _quota(key.requests_per_min, "requests")),
        ("items/min", _quota(key.items_per_min, "items")),
        ("created", f"created {_utc(key.created_at)}"),
        ("last used", f"last used {_utc(key.last_used_at)}" if key.last_used_at else "never used"),
        ("state", _state(key, datetime.now(UTC))),
    ]


def _quota(limit: int | None, unit: str) -> str:
    if limit is None:
        return f"default {unit}/min"
    return f"{limit} {unit}/min" if limit else f"unlimited {unit}"


def _state(key: KeyRow, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {_utc(key.revoked_at)}"
    if key.expires_at and key.expires_at <= now:
        return f"expired {_utc(key.expires_at)}"
    parts = ["in use" + (f" until {_utc(key.expires_at)}" if key.expires_at else "")]
    if key.rotated_at:
        parts.append(f"rotated {_utc(key.rotated_at)}")
    if key.old_key_expires_at and key.old_key_expires_at > now:
        parts.append(f"old secret works until {_utc(key.old_key_expires_at)}")
    return ", ".join(parts)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _span(text: str, option: str) -> timedelta:
    if text == "0":
        return timedelta(0)
    found = _SPAN.fullmatch(text)
    if not found:
        raise typer.BadParameter("write a number and s, m, h or d, such as 24h", param_hint=option)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _scopes(text: str) -> list[str]:
    wanted = expand(part.strip() for part in text.split(",") if part.strip())
    if not wanted or not set(SCOPES) >= set(wanted):
        known = ", ".join((*SCOPES, *SHORTHANDS))
        raise typer.BadParameter(f"choose from {known}", param_hint="--scopes")
    return wanted
