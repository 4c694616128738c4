"""Old rows: archived, compressed and, where a setting says so, deleted. How they are is the warehouse's.

See https://docs.dagster.io/guides/build/assets and https://docs.dagster.io/guides/automate/schedules
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import dagster as dg
from sqlalchemy import Engine

from orchestration.columns import table_metadata
from orchestration.defs.resources import WarehouseResource
from warehouse import ledger
from warehouse.archived_tables import Family
from warehouse.hourly_tables import HOURLY_TABLES
from warehouse.retention import RetentionSummary
from warehouse.settings import WarehouseSettings

OWNERS: Final = ["team:data"]
RAW: Final = [["raw", "readings"], ["raw", "reading_revisions"], ["raw", "events"], ["raw", "event_revisions"]]
SCORES: Final = ["ml", "scores"]
STORAGE_POOL: Final = "storage"
DAILY: Final = sorted({table.daily.removeprefix("marts.") for table in HOURLY_TABLES})
RAW_FAMILIES: Final[Sequence[Family]] = ("readings", "events", "scores")
_SHOWN = 20


def _asset(
    key: Sequence[str],
    kinds: set[str],
    deps: Sequence[Sequence[str] | dg.AssetsDefinition],
    metadata: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., dg.MaterializeResult[Any]]], dg.AssetsDefinition]:
    """An asset of this file; those of the pool take turns."""
    return dg.asset(
        key=key, group_name="storage", kinds=kinds, owners=OWNERS, pool=STORAGE_POOL, deps=deps, metadata=metadata
    )


@_asset(
    ["ops", "archived_days"],
    {"python", "parquet"},
    deps=[*RAW, SCORES],
    metadata=table_metadata("ops", "archived_days"),
)
def archived_days(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Cold days of raw rows as Parquet files. One row per table, site, equipment class and UTC day."""
    from warehouse.archive import archive

    settings = WarehouseSettings()
    summary = archive(_engine(warehouse), settings.archive(), date(1970, 1, 1), _cold(settings))
    return dg.MaterializeResult(
        metadata={
            "files_written": len(summary.written),
            "rows": sum(day.row_count for day in summary.written),
            "bytes": sum(day.byte_count for day in summary.written),
            "unchanged": summary.unchanged_count,
            "left_alone": _some(summary.left),
            "directory": dg.MetadataValue.path(str(settings.archive())),
        }
    )


@_asset(["storage", "compressed_chunks"], {"timescale"}, deps=[*RAW, SCORES])
def compressed_chunks(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Cold chunks of raw rows, compressed where the server is community TimescaleDB. One row per chunk."""
    from warehouse.compression import compress
    from warehouse.timescale import capabilities

    engine, settings = _engine(warehouse), WarehouseSettings()
    with engine.connect() as connection:
        found = capabilities(connection)
    if not found.has_compression:
        server = "TimescaleDB's Apache edition" if found.has_hypertables else "plain PostgreSQL"
        why = f"this is {server}, and only TimescaleDB's community edition compresses"
        return dg.MaterializeResult(metadata={"nothing_done": why})
    midnight = datetime.combine(_cold(settings), datetime.min.time(), UTC)
    chunks = compress(engine, midnight)
    before, after = sum(chunk.before_bytes for chunk in chunks), sum(chunk.after_bytes for chunk in chunks)
    metadata = {"chunks": len(chunks), "bytes_before": before, "bytes_after": after}
    names = {f"{chunk.table} {chunk.range_start:%F}": chunk.chunk for chunk in chunks}
    return dg.MaterializeResult(
        metadata={**metadata, "ratio": before / after if after else None, "names": _some(names)}
    )


@_asset(
    ["storage", "dropped_chunks"],
    {"postgres"},
    deps=[
        archived_days,
        compressed_chunks,
        ["marts", "fct_sensor_readings_hourly"],
        ["marts", "fct_work_unit_hours"],
        ["marts", "fct_model_health_hourly"],
    ],
)
def dropped_chunks(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Days past their retention that archive and rollups cover, deleted. One row per table and day."""
    settings = WarehouseSettings()
    return _retain(
        _engine(warehouse), RAW_FAMILIES, settings.raw_keep_days, "" if settings.drop_raw else "MILLRACE_DROP_RAW"
    )


@_asset(["storage", "dropped_hours"], {"postgres"}, deps=[dropped_chunks, *(["marts", name] for name in DAILY)])
def dropped_hours(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Hourly rollups past their retention that daily marts cover, deleted. One row per site and day."""
    from warehouse.hourly_retention import days_past_retention, retain_hours

    engine, settings, now = _engine(warehouse), WarehouseSettings(), datetime.now(UTC)
    if not settings.drop_hourly:
        past = days_past_retention(engine, now, settings.hourly_keep_days, RetentionSummary())
        told = {"hourly": f"{len(past)} days from {past[0][1]}"} if past else {}
        return dg.MaterializeResult(
            metadata={"nothing_done": "MILLRACE_DROP_HOURLY is false", "past_retention": _some(told)}
        )
    closed, summary = retain_hours(engine, settings.archive(), now, settings.hourly_keep_days)
    days = {str(day): f"{day.row_count:,} rows" for day in closed}
    return dg.MaterializeResult(
        metadata={"rows": sum(day.row_count for day in closed), "days": _some(days), **_kept(summary)}
    )


@_asset(["storage", "dropped_alarms"], {"postgres"}, deps=[archived_days, dropped_hours, ["raw", "alarm_changes"]])
def dropped_alarms(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Alarms past their retention that are archived and whose hours are gone, deleted. One row per day."""
    settings = WarehouseSettings()
    return _retain(
        _engine(warehouse),
        ("alarms",),
        settings.alarm_keep_days,
        "" if settings.drop_alarms else "MILLRACE_DROP_ALARMS",
    )


@_asset(["storage", "dropped_validations"], {"postgres"}, deps=[["ops", "validation_results"]])
def dropped_validations(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Results of validations older than MILLRACE_VALIDATION_KEEP_DAYS, deleted, but for those of hours held still."""
    from warehouse.validation_retention import retain_validations

    with _engine(warehouse).begin() as connection:
        retained = retain_validations(connection, datetime.now(UTC), WarehouseSettings().validation_keep_days)
    return dg.MaterializeResult(metadata=asdict(retained))


def _retain(engine: Engine, families: Sequence[Family], keep_days: int, unset: str) -> dg.MaterializeResult[Any]:
    """Delete what is past its time, or tell what that is where the setting that allows it is not set."""
    from warehouse.retention import days_past_retention, retain

    now = datetime.now(UTC)
    if unset:
        past = {family: days_past_retention(engine, family, now, keep_days) for family in families}
        told = {str(family): f"{len(found)} days from {found[0]}" for family, found in past.items() if found}
        return dg.MaterializeResult(metadata={"nothing_done": f"{unset} is false", "past_retention": _some(told)})
    directory = WarehouseSettings().archive()
    summary = retain(engine, directory, now, keep_days, alarm_keep_days=keep_days, families=families)
    days = {f"{day.family} {day.day}": f"{day.row_count:,} rows, {len(day.chunks)} chunks" for day in summary.dropped}
    return dg.MaterializeResult(
        metadata={
            "rows": sum(day.row_count for day in summary.dropped),
            "days": _some(days),
            "chunks": [chunk for day in summary.dropped for chunk in day.chunks][:_SHOWN],
            **_kept(summary),
        }
    )


def _kept(summary: RetentionSummary) -> dict[str, Any]:
    return {
        "kept": len(summary.kept),
        "kept_why": dict(summary.kept_reasons),
        "kept_days": _some(summary.kept),
    }


@dg.asset_check(asset=dropped_chunks)
def no_late_rows_wait(warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """Rows that came for dropped days are stored; their hours are computed once the days are restored."""
    count = ledger.frozen_count(_engine(warehouse))
    return dg.AssetCheckResult(
        passed=count == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"hours": count, "remedy": "python -m warehouse restore --from <day> --to <day>"},
    )


@_asset(["storage", "sensor_readings_hourly"], {"timescale"}, deps=[["raw", "readings"]])
def sensor_readings_hourly(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """Counts, least and greatest values by the hour as a continuous aggregate. One row per signal and hour."""
    from warehouse.continuous_aggregate import refresh
    from warehouse.errors import AggregateRefused

    schema = WarehouseSettings().hourly_aggregate_schema
    if schema is None:
        return dg.MaterializeResult(
            metadata={"nothing_done": "MILLRACE_HOURLY_AGGREGATE_SCHEMA names no schema for it"}
        )
    started, until = datetime.now(UTC), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        view = refresh(_engine(warehouse), schema, until)
    except AggregateRefused as refusal:
        return dg.MaterializeResult(metadata={"nothing_done": str(refusal)})
    taken_s = (datetime.now(UTC) - started).total_seconds()
    return dg.MaterializeResult(metadata={"view": view, "until": str(until), "refresh_s": taken_s})


def _engine(warehouse: WarehouseResource) -> Engine:
    """As the owner of the raw tables, where that is another login."""
    return warehouse.engine(WarehouseSettings().storage_warehouse_url)


def _cold(settings: WarehouseSettings) -> date:
    """The day before which everything is cold, UTC."""
    return datetime.now(UTC).date() - timedelta(days=settings.cold_after_days)


def _some(items: Mapping[str, str]) -> dg.MetadataValue[Any]:
    """The first of many, for people."""
    shown = dict(list(items.items())[:_SHOWN])
    more = {"and": f"{len(items) - _SHOWN} more"} if len(items) > _SHOWN else {}
    return dg.MetadataValue.json({**shown, **more})
