"""Commands about old rows: compress, archive, restore, retain, rules. What they do is done elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from warehouse.archived_tables import FAMILIES, Family
from warehouse.engine import create_engine
from warehouse.errors import WarehouseError
from warehouse.retention_rules import HOURLY, RULED
from warehouse.settings import WarehouseSettings, warehouse_dsn

commands = typer.Typer()
_rules = typer.Typer(
    help="How long rows stay, where that differs from MILLRACE_RAW_KEEP_DAYS and its like.", no_args_is_help=True
)
commands.add_typer(_rules, name="rules")

_Tables = Annotated[list[str], typer.Option("--table", "--tables", help=f"{', '.join(FAMILIES)}; all by default")]
_Retained = Annotated[list[str], typer.Option("--table", "--tables", help=f"{', '.join(RULED)}; all by default")]
_From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First UTC day")]
_To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last UTC day")]


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Say in one line what went wrong, and exit with code 1."""
    try:
        yield
    except WarehouseError as error:
        typer.echo(f"millrace: {error}", err=True)
        raise typer.Exit(1) from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        typer.echo(f"millrace: the warehouse refuses: {' '.join(str(cause).split())}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"millrace: {error}", err=True)
        raise typer.Exit(1) from error
    except ValidationError as error:
        faults = (f"MILLRACE_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        typer.echo(f"millrace: {'; '.join(faults)}", err=True)
        raise typer.Exit(1) from error


@commands.command()
def compress() -> None:
    """Compress raw rows that have grown cold (community TimescaleDB)."""
    from warehouse.compression import CompressedChunk, compress
    from warehouse.timescale import capabilities

    def tell(chunk: CompressedChunk) -> None:
        typer.echo(f"{chunk.table} {chunk.range_start:%F}: {chunk.before_bytes:,} to {chunk.after_bytes:,} bytes")

    with told_in_one_line(), owned_warehouse() as (settings, engine):
        with engine.connect() as connection:
            found = capabilities(connection)
        if not found.has_compression:
            typer.echo("Nothing is compressed: that needs the community edition of TimescaleDB.")
            return
        done = compress(engine, _midnight(_cold(settings)), progress=tell)
        typer.echo(f"{len(done)} chunks compressed.")


@commands.command()
def archive(tables: _Tables = [], start: _From = None, end: _To = None) -> None:  # noqa: B006
    """Write cold days of raw rows to Parquet, and again those that changed since."""
    from warehouse.archive import archive

    with told_in_one_line(), owned_warehouse() as (settings, engine):
        first, after_last = _days(start, end, date(1970, 1, 1), _cold(settings))
        summary = archive(
            engine, settings.archive(), first, after_last, families=_families(tables),
            progress=lambda day: typer.echo(
                f"{day.table_name}: {day.piece}: {day.row_count:,} rows, {day.byte_count:,} bytes"
            ),
        )  # fmt: skip
        for piece, reason in summary.left.items():
            typer.echo(f"{piece} is left alone: {reason}")
        typer.echo(
            f"{len(summary.written)} files written to {settings.archive()}, {summary.unchanged_count} unchanged."
        )


@commands.command()
def restore(
    tables: _Tables = [],  # noqa: B006
    start: _From = None,
    end: _To = None,
    keep_days: Annotated[int, typer.Option(min=0, help="Days for which they are not dropped again")] = 7,
) -> None:
    """Bring archived days back into the raw tables; rows that are there stay."""
    from warehouse.restore import restore

    with told_in_one_line(), owned_warehouse() as (settings, engine):
        if start is None or end is None:
            raise typer.BadParameter("say which days: --from 2026-01-01 --to 2026-01-31")
        first, after_last = _days(start, end, start.date(), end.date())
        summary = restore(
            engine, settings.archive(), first, after_last, families=_families(tables),
            keep_for=timedelta(days=keep_days),
            progress=lambda path, count: typer.echo(f"{path}: {count:,} rows came back"),
        )  # fmt: skip
        typer.echo(
            f"{summary.inserted_count:,} of {summary.row_count:,} rows came back from {summary.file_count} files."
        )
        if summary.waiting:
            site_code, day = summary.waiting[0]
            typer.echo(
                f"Late rows still wait on {len(summary.waiting)} days, the first {day} at {site_code}: "
                "their hours are computed when four days before and three after are restored too."
            )


@commands.command()
def retain(
    tables: _Retained = [],  # noqa: B006
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Prove everything, delete nothing")] = False,
) -> None:
    """Delete rows past their retention that archive and rollups cover; say why others stay."""
    from warehouse.hourly_retention import retain_hours
    from warehouse.retention import retain

    verb = "would go" if rehearse else "gone"
    with told_in_one_line(), owned_warehouse() as (settings, engine):
        now, chosen = datetime.now(UTC), _ruled(tables)
        families = tuple(family for family in FAMILIES if family in chosen)
        summary = retain(
            engine, settings.archive(), now, settings.raw_keep_days, alarm_keep_days=settings.alarm_keep_days,
            families=families, is_rehearsal=rehearse,
            progress=lambda day: typer.echo(
                f"{day.family} {day.day}: {day.row_count:,} rows {verb}{' with their chunk' * bool(day.chunks)}"
            ),
        )  # fmt: skip
        kept, counts = dict(summary.kept), [day.row_count for day in summary.dropped]
        if HOURLY in chosen:
            closed, hours = retain_hours(
                engine, settings.archive(), now, settings.hourly_keep_days, is_rehearsal=rehearse,
                progress=lambda day: typer.echo(f"{day}: {day.row_count:,} rows {verb}"),
            )  # fmt: skip
            kept |= hours.kept
            counts += [day.row_count for day in closed]
        for piece, reason in kept.items():
            typer.echo(f"{piece} stays: {reason}")
        typer.echo(f"{len(counts)} days {verb}, {sum(counts):,} rows; {len(kept)} stay.")


@_rules.command("list")
def list_rules() -> None:
    """List the rules."""
    from warehouse.retention_rules import rules

    with told_in_one_line(), owned_warehouse() as (settings, engine), engine.connect() as connection:
        for rule in rules(connection):
            kept = "for ever" if rule.keep_days is None else f"{rule.keep_days} days"
            kept = "legal hold" + (f", {kept}" if rule.keep_days else "") if rule.is_legal_hold else kept
            typer.echo(f"{rule.family} site={rule.site_code or 'any'} class={rule.equipment_class or 'any'}: {kept}")
        typer.echo(
            f"everything else: {settings.raw_keep_days} days, hourly {settings.hourly_keep_days}, "
            f"alarms {settings.alarm_keep_days}"
        )


@_rules.command("set")
def set_rule(
    table: Annotated[str, typer.Argument(help=", ".join(RULED))],
    site: Annotated[str, typer.Option(help="Site code; empty: any")] = "",
    equipment_class: Annotated[str, typer.Option("--class", help="Equipment class; empty: any")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="Days to keep; left out: for ever")] = None,
    legal_hold: Annotated[
        bool, typer.Option("--legal-hold", help="Delete nothing of it, whatever other rules say")
    ] = False,
) -> None:
    """Say how long rows of a table stay, at a site, of a class."""
    from warehouse.retention_rules import Rule, set_rule

    with told_in_one_line(), owned_warehouse() as (_, engine), engine.begin() as connection:
        (family,) = _ruled([table])
        if equipment_class and family not in {"readings", "scores"}:
            raise typer.BadParameter(f"{family} are of no equipment class")
        set_rule(connection, Rule(family, site, equipment_class, days, legal_hold))


@_rules.command("remove")
def remove_rule(
    table: Annotated[str, typer.Argument(help=", ".join(RULED))],
    site: Annotated[str, typer.Option(help="Site code; empty: any")] = "",
    equipment_class: Annotated[str, typer.Option("--class", help="Equipment class; empty: any")] = "",
) -> None:
    """Remove a rule."""
    from warehouse.retention_rules import remove_rule

    with told_in_one_line(), owned_warehouse() as (_, engine), engine.begin() as connection:
        (family,) = _ruled([table])
        if not remove_rule(connection, family, site, equipment_class):
            typer.echo("There is no such rule.")


@contextmanager
def owned_warehouse() -> Iterator[tuple[WarehouseSettings, Engine]]:
    """The settings, and the warehouse as its owner."""
    settings = WarehouseSettings()
    engine = create_engine(warehouse_dsn(settings.storage_warehouse_url))
    try:
        yield settings, engine
    finally:
        engine.dispose()


def _families(names: Sequence[str]) -> tuple[Family, ...]:
    chosen = _chosen(names, FAMILIES)
    return tuple(family for family in FAMILIES if family in chosen)


def _ruled(names: Sequence[str]) -> tuple[str, ...]:
    return _chosen(names, RULED)


def _chosen(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    unknown = set(names) - set(known)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: it is one of {', '.join(known)}")
    return tuple(name for name in known if not names or name in names)


def _days(start: datetime | None, end: datetime | None, first: date, after_last: date) -> tuple[date, date]:
    """Half-open, of two days that a person gave, both included."""
    first = start.date() if start else first
    after_last = end.date() + timedelta(days=1) if end else after_last
    if first >= after_last:
        raise typer.BadParameter(f"there is no day from {first} until before {after_last}")
    return first, after_last


def _cold(settings: WarehouseSettings) -> date:
    """The day before which everything is cold."""
    return datetime.now(UTC).date() - timedelta(days=settings.cold_after_days)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
