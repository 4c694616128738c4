"""A figure whose raw rows are gone never gives way to an emptier one, and is exact after a restore (C2, C17)."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pyarrow as pa
from sqlalchemy import Connection, Engine, text

from ingestion_api.contract import AlarmChange, BatchLedgerEntry, RegistryChange
from warehouse import ledger
from warehouse.load import load_site
from warehouse.restore import restore
from warehouse.retention import retain

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 24, tzinfo=UTC)
DAYS = 10
DROPPED = 4
NOW = START + (DROPPED + 30) * DAY
_TIME = pa.timestamp("us", "UTC")
_COMMON = {"batch_seq": pa.int64(), "item_index": pa.int16(), "is_server_time": pa.bool_(), "received_at": _TIME}
SCHEMAS = {
    "readings": pa.schema(
        {**_COMMON, "event_time": _TIME, "equipment_code": pa.string(), "metric": pa.string(), "unit_code": pa.string(),
         "value": pa.float64(), "quality": pa.float32()}
    ),
    "events": pa.schema(
        {**_COMMON, "event_time": _TIME, "source_code": pa.string(), "event_type": pa.string(),
         "work_unit_code": pa.string(), "worker_code": pa.string(), "duration_s": pa.float64(),
         "units_produced": pa.int64(), "confidence": pa.float64()}
    ),
}  # fmt: skip


class Inbox:
    """The inbox of a site, a `warehouse.sources.Source`."""

    def __init__(self) -> None:
        self.batches: list[tuple[BatchLedgerEntry, list[dict[str, Any]]]] = []
        self.time_zones = ["Europe/Berlin"]

    def add(self, kind: str, items: list[dict[str, Any]], received_at: datetime) -> None:
        seq = len(self.batches) + 1
        entry = BatchLedgerEntry(
            batch_seq=seq, batch_id=UUID(int=seq), kind=kind, origin="push", credential="edge", is_replay=False,  # type: ignore[arg-type]
            received_at=received_at, item_count=len(items), accepted_count=len(items), quarantined_count=0,
            quarantine_reasons={},
        )  # fmt: skip
        common = {"batch_seq": seq, "is_server_time": False, "received_at": received_at}
        self.batches.append((entry, [{**item, **common, "item_index": n} for n, item in enumerate(items)]))

    def pull(self, kind: str, after: int) -> Any:
        waiting = [batch for batch in self.batches if batch[0].kind == kind and batch[0].batch_seq > after]
        table = pa.Table.from_pylist([row for _, items in waiting for row in items], SCHEMAS[kind])
        return SimpleNamespace(
            table=table, batches=[entry for entry, _ in waiting], next_cursor=len(self.batches), has_more=False
        )

    def pull_registry_changes(self, after: int) -> list[RegistryChange]:
        first, *moved = [("sites", "berlin", {"name": "", "time_zone": zone}) for zone in self.time_zones]
        unit = {"name": "", "target_units_per_h": 10}
        changes = [first, ("work_units", "U1", unit), *moved]
        return [
            RegistryChange(change_seq=n, entity=entity, code=code, payload=payload, changed_by="", changed_at=START)  # type: ignore[arg-type]
            for n, (entity, code, payload) in enumerate(changes, start=1)
            if n > after
        ]

    def pull_alarm_changes(self, after: int) -> list[AlarmChange]:
        return []


def readings(times: list[datetime], value: float) -> list[dict[str, Any]]:
    common = {"equipment_code": "P1", "metric": "temperature", "unit_code": "Cel", "quality": 1.0}
    return [{**common, "event_time": at, "value": value + n / 3} for n, at in enumerate(times)]


def events(times: list[datetime], dice: random.Random) -> list[dict[str, Any]]:
    common = {"source_code": "C1", "work_unit_code": "U1", "worker_code": "W1", "confidence": 0.9}
    return [
        {**common, "event_time": at, "event_type": dice.choice(["working", "idle", "product_count"]),
         "duration_s": dice.choice([None, 600.0, 30_000.0]), "units_produced": 1}
        for at in times
    ]  # fmt: skip


def test_figures_outlive_their_raw_rows(
    warehouse_url: str,
    warehouse_engine: Engine,
    start_dbt: Callable[[str], Any],
    snapshot: Callable[[Connection], dict[str, list[str]]],
    tmp_path: Path,
) -> None:
    engine, dice, inbox, dbt = warehouse_engine, random.Random(4), Inbox(), start_dbt(warehouse_url)
    every_three_hours = [START + n * 3 * HOUR for n in range(DAYS * 8)]
    # One more in the second half of an hour, which is another date in Kolkata: the first that can be built.
    seams = [START + 6 * DAY + timedelta(hours=18, minutes=45)]
    inbox.add("readings", readings(every_three_hours + seams, 20.0), received_at=START + DAYS * DAY)
    inbox.add("events", events(every_three_hours, dice), received_at=START + DAYS * DAY)

    def tables() -> dict[str, list[str]]:
        with engine.connect() as connection:
            found = snapshot(connection)
        # Built by the clock, with each look at the equipment; nothing here does.
        found.pop("marts.fct_equipment_health_summary", None)
        return found

    load_site(engine, inbox, "berlin")
    dbt("run", "--select", "tag:reference")
    build_pending(engine, dbt)
    dbt("run", "--select", "tag:health")
    before = tables()
    assert len(before["marts.fct_sensor_readings_hourly"]) == DAYS * 8

    summary = retain(engine, tmp_path, NOW, 30)
    assert {day.day for day in summary.dropped} == {START.date() + n * DAY for n in range(DROPPED)}
    # A build of everything finds a tenth of the rows gone, and keeps every figure.
    dbt("run")
    assert tables() == before

    # Rows come for a dropped day, for one that dropped days reach into, and for one that is all there.
    late = [START + 1 * DAY + 5 * HOUR, START + 5 * DAY + 5 * HOUR, START + 9 * DAY + 5 * HOUR]
    inbox.add("readings", readings(late, 90.0), received_at=NOW)
    inbox.add("events", events(late, dice), received_at=NOW)
    load_site(engine, inbox, "berlin")
    build_pending(engine, dbt)
    held = tables()
    assert ledger.frozen_count(engine) >= 2
    # What waits for a restore does not make a site look stale, also to those who read the marts alone.
    with engine.begin() as connection:
        connection.execute(text("set local role bi_reader"))
        fresh = connection.scalar(text("select summarized_until = loaded_at from marts.fct_site_freshness"))
    assert fresh is True
    dbt("run")
    assert tables() == held
    first_days = {f"2026-03-{24 + n}" for n in range(7)}
    for table in ("marts.fct_sensor_readings_hourly", "marts.fct_worker_hours", "marts.fct_worker_kpis_daily"):
        assert old(held[table], first_days) == old(before[table], first_days) != []
    assert len(held["marts.fct_sensor_readings_hourly"]) == DAYS * 8 + 1

    refused = dbt.attempt("run", "--full-refresh", "--select", "fct_sensor_readings_hourly")
    assert not refused.is_success and "restore" in " ".join(refused.messages)
    assert tables() == held

    move(engine, dbt, inbox, dice)

    restore(engine, tmp_path, START.date(), date(2026, 3, 31))
    assert ledger.frozen_count(engine) == 0
    build_pending(engine, dbt)
    exact = tables()
    assert len(exact["marts.fct_sensor_readings_hourly"]) == DAYS * 8 + 4
    dbt("run", "--full-refresh")
    assert tables() == exact


# Made of dates or hours before their own, further back than what a restore brings along.
ROLLING = (
    "marts.fct_confidence_daily",
    "marts.fct_model_health_daily",
    "marts.fct_sensor_trends_daily",
    "marts.fct_work_unit_reliability_daily",
)


def test_averages_follow_a_date_that_is_restored_among_dropped_ones(
    warehouse_url: str,
    warehouse_engine: Engine,
    start_dbt: Callable[[str], Any],
    snapshot: Callable[[Connection], dict[str, list[str]]],
    tmp_path: Path,
) -> None:
    """C2, C17: what comes late for the second day is in the week and the month of days whose raw rows are away."""
    engine, dice, inbox, dbt = warehouse_engine, random.Random(6), Inbox(), start_dbt(warehouse_url)
    stop = {"source_code": "PLC", "work_unit_code": "U1", "worker_code": "", "event_type": "down", "duration_s": 600.0}
    stop |= {"units_produced": None, "confidence": None}

    def tables() -> dict[str, list[str]]:
        with engine.connect() as connection:
            found = snapshot(connection)
        found.pop("marts.fct_equipment_health_summary", None)
        return found

    times = [START + n * 3 * HOUR for n in range(DAYS * 8)]
    inbox.add("readings", readings(times, 20.0), received_at=START + DAYS * DAY)
    stops = [stop | {"event_time": START + n * DAY + 4 * HOUR} for n in range(DAYS)]
    inbox.add("events", events(times, dice) + stops, received_at=START + DAYS * DAY)
    load_site(engine, inbox, "berlin")
    dbt("run", "--select", "tag:reference")
    build_pending(engine, dbt)
    before = tables()
    now = START + (DAYS - 1 + 30) * DAY
    assert len({day.day for day in retain(engine, tmp_path, now, 30).dropped}) == DAYS - 1

    late = START + DAY + 5 * HOUR
    work = {"event_type": "working", "duration_s": 600.0, "confidence": 0.75}
    inbox.add("readings", readings([late], 90.0), received_at=now)
    inbox.add("events", [events([late], dice)[0] | work, stop | {"event_time": late + HOUR}], received_at=now)
    load_site(engine, inbox, "berlin")
    restore(engine, tmp_path, START.date(), START.date() + 5 * DAY)
    assert ledger.frozen_count(engine) == 0
    build_pending(engine, dbt)
    followed = tables()

    of_a_dropped_day = {"2026-03-30"}
    unmoved = [name for name in ROLLING if old(followed[name], of_a_dropped_day) == old(before[name], of_a_dropped_day)]
    assert unmoved == []
    restore(engine, tmp_path, START.date(), START.date() + DAYS * DAY)
    dbt("run", "--full-refresh")
    whole = tables()
    assert [name for name in whole if whole[name] != followed[name]] == []


def move(engine: Engine, dbt: Any, inbox: Inbox, dice: random.Random) -> None:
    """Move the site to the west and far to the east: hours change their dates over the edge of what can be built.

    No hour of the models' health is lost or emptied, and each date that is built has all of its readings.
    """
    confidence = text("""
        select hour, stream, subject_code, avg_confidence, sample_count from marts.fct_model_health_hourly
        union all
        select hour, subject_kind, subject_code, avg_confidence, sample_count from marts.fct_confidence_hourly
        order by 1, 2, 3
    """)
    counted = text("""
        select d.date, d.reading_count, count(*) as raw_count
        from marts.fct_sensor_readings_daily as d
        inner join marts.dim_sites as s using (site_code)
        inner join raw.readings as r
            on r.signal_id = d.signal_id and cast(r.event_time at time zone s.time_zone as date) = d.date
        where not ops.is_frozen(d.site_code, d.date)
        group by d.date, d.reading_count order by d.date
    """)
    # An hour that can be rolled up, of a date in New York that cannot be built.
    late = [START + 7 * DAY + 2 * HOUR]
    inbox.add("events", events(late, dice), received_at=NOW)
    load_site(engine, inbox, "berlin")
    build_pending(engine, dbt)
    with engine.connect() as connection:
        before = connection.execute(confidence).all()
    for zone in ("America/New_York", "Asia/Kolkata"):
        inbox.time_zones.append(zone)
        inbox.add("readings", readings(late, 50.0), received_at=NOW)
        load_site(engine, inbox, "berlin")
        dbt("run", "--select", "tag:reference")
        build_pending(engine, dbt)
        dbt("run", "--select", "tag:daily")
        with engine.connect() as connection:
            assert connection.execute(confidence).all() == before
            days = connection.execute(counted).all()
        assert [day.reading_count for day in days] == [day.raw_count for day in days]
        assert days[0].date == START.date() + 7 * DAY


def old(rows: list[str], days: set[str]) -> list[str]:
    return [row for row in rows if any(day in row for day in days)]


def build_pending(engine: Engine, dbt: Any) -> None:
    """Build what the ledger says, as orchestration does: hours first, then local dates."""
    for hours in spans(ledger.pending_ranges(engine, "rolled_up")):
        seen = ledger.seen(engine, "rolled_up", hours.start, hours.end)
        dbt("run", "--select", "tag:hourly", start_hour=hours.start.isoformat(), end_hour=hours.end.isoformat())
        ledger.settle(engine, "rolled_up", seen)
    for hours in spans(ledger.pending_ranges(engine, "summarized")):
        seen = ledger.seen(engine, "summarized", hours.start, hours.end)
        first, last = (hours.start - DAY).date(), (hours.end + DAY).date()
        dbt("run", "--select", "tag:daily", start_date=first, end_date=last)
        ledger.settle(engine, "summarized", seen)


def spans(ranges: list[ledger.HourRange]) -> list[ledger.HourRange]:
    """Ranges of less than a day apart as one, so that dbt starts less often."""
    joined: list[ledger.HourRange] = []
    for hours in ranges:
        if joined and hours.start - joined[-1].end < DAY:
            joined[-1] = ledger.HourRange(joined[-1].start, hours.end)
        else:
            joined.append(hours)
    return joined
