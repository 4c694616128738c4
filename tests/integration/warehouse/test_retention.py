"""Raw rows go only when past their time and proven to be covered; each refusal says why (C2, S0-040, S4-017)."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ingestion_api.contract import RegistryChange
from warehouse import ledger, retention
from warehouse.archive import archive
from warehouse.compression import compress
from warehouse.errors import StorageBusy
from warehouse.load import load_site
from warehouse.retention import RetentionSummary, retain
from warehouse.retention_rules import Rule, remove_rule, rules, set_rule
from warehouse.storage_lock import exclusively

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY = date(2026, 3, 1)
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def execute(engine: Engine, statement: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


def reading(value: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), "value": value, **more}


def equipment(inbox: Any, **classes: str) -> None:
    for code, equipment_class in classes.items():
        inbox.changes.append(
            RegistryChange(
                change_seq=len(inbox.changes) + 1, entity="equipment", code=code,
                payload={"equipment_class": equipment_class}, changed_by="", changed_at=T0,
            )
        )  # fmt: skip


def follow(engine: Engine) -> None:
    """Roll everything up, as far as retention looks: settled hours, and marts that tell how many rows there were."""
    execute(engine, "update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
    execute(engine, "create table if not exists marts.fct_work_unit_hours as select 1 as one")
    execute(engine, "create table if not exists intermediate.int_failures_reported as select 1 as one")
    execute(engine, "drop table if exists marts.fct_sensor_readings_hourly")
    execute(
        engine,
        "create table marts.fct_sensor_readings_hourly as "
        "select signal_id, date_trunc('hour', event_time, 'UTC') as hour, count(*) as reading_count "
        "from raw.readings group by 1, 2",
    )


@pytest.fixture
def plant(warehouse_engine: Engine, inbox: Any) -> Engine:
    """Three days of readings and events, one revision among each, everything rolled up."""
    inbox.add("readings", [reading(1.0, 1440 * day + n) for day in range(3) for n in range(4)])
    inbox.add("events", [{"event_time": T0 + timedelta(days=day)} for day in range(3)])
    inbox.add("readings", [reading(5.0)])
    inbox.add("events", [{"event_time": T0, "duration_s": 7}])
    load_site(warehouse_engine, inbox, "demo")
    follow(warehouse_engine)
    return warehouse_engine


def raw_days(engine: Engine, table: str = "readings") -> list[int]:
    query = f"select distinct extract(day from event_time at time zone 'UTC')::int from raw.{table} order by 1"
    return [row[0] for row in rows(engine, query)]


def reasons(summary: RetentionSummary) -> set[str]:
    return {reason.split(":")[0] for reason in summary.kept.values()}


def test_days_past_their_retention_go_with_their_revisions(plant: Engine, tmp_path: Path) -> None:
    """C2: 180 days by default. The day that ended exactly so long ago goes, the next one stays."""
    told: list[Any] = []
    now = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(days=180)
    summary = retain(plant, tmp_path, now, 180, progress=told.append)
    assert [(day.family, day.day.day, day.row_count) for day in summary.dropped] == [
        ("readings", 1, 5), ("readings", 2, 4), ("events", 1, 2), ("events", 2, 1),
    ]  # fmt: skip
    assert told == summary.dropped and summary.kept == {}
    assert raw_days(plant) == raw_days(plant, "events") == [3]
    assert raw_days(plant, "reading_revisions") == raw_days(plant, "event_revisions") == []
    assert retain(plant, tmp_path, now, 180) == RetentionSummary()
    # Where there was nothing to drop, nothing has to wait for a restore.
    dropped = "select distinct table_name from ops.archived_days where dropped_at is not null"
    assert ("scores",) not in rows(plant, dropped)


def test_chunks_are_dropped_whole_where_there_are_any(community_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """S4-009, also after they were compressed and changed since."""
    inbox.add("readings", [reading(1.0, 1440 * day) for day in range(2)])
    load_site(community_engine, inbox, "demo")
    assert len(compress(community_engine, NOW)) == 2
    inbox.add("readings", [reading(2.0), reading(3.0, 5)])
    load_site(community_engine, inbox, "demo")
    follow(community_engine)
    chunks = "select count(*) from timescaledb_information.chunks where hypertable_name = 'readings'"
    assert rows(community_engine, chunks) == [(2,)]
    summary = retain(community_engine, tmp_path, datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=180), 180)
    assert [len(day.chunks) for day in summary.dropped] == [1]
    assert rows(community_engine, chunks) == [(1,)]


def test_rows_are_deleted_from_a_compressed_chunk_that_others_need(
    community_engine: Engine, inbox: Any, tmp_path: Path
) -> None:
    equipment(inbox, pump="pump", press="press")
    inbox.add("readings", [reading(n, n, equipment_code=code) for n in range(50) for code in ("pump", "press")])
    load_site(community_engine, inbox, "demo")
    compress(community_engine, NOW)
    follow(community_engine)
    with community_engine.begin() as connection:
        set_rule(connection, Rule("readings", equipment_class="press", keep_days=None))
    summary = retain(community_engine, tmp_path, NOW, 180)
    assert [(day.row_count, day.chunks) for day in summary.dropped] == [(50, ())]
    query = "select equipment_code, count(*) from raw.readings join raw.signals using (signal_id) group by 1"
    assert rows(community_engine, query) == [("press", 50)]
    with community_engine.begin() as connection:
        remove_rule(connection, "readings", equipment_class="press")
    assert [len(day.chunks) for day in retain(community_engine, tmp_path, NOW, 180).dropped] == [1]


def test_hours_that_wait_for_their_rollup_hold_the_days_around_them(plant: Engine, tmp_path: Path) -> None:
    execute(plant, "update raw.touched_hours set touch_count = touch_count + 1 where hour = :hour",
            hour=T0.replace(hour=0) + timedelta(days=1, hours=6))  # fmt: skip
    summary = retain(plant, tmp_path, NOW, 180)
    assert summary.dropped == []
    assert reasons(summary) == {"not settled"}
    assert "2026-03-02 06:00" in str(summary.kept)


def test_hours_that_wait_for_their_daily_marts_hold_them_too(plant: Engine, tmp_path: Path) -> None:
    execute(plant, "update raw.touched_hours set summarized_count = 0 where hour = :hour", hour=T0)
    assert reasons(retain(plant, tmp_path, NOW, 180)) == {"not settled"}
    assert raw_days(plant) == [1, 2, 3]


def test_rows_in_an_hour_that_the_ledger_does_not_know_stay(plant: Engine, tmp_path: Path) -> None:
    execute(plant, "delete from raw.touched_hours where hour = :hour", hour=T0)
    execute(plant, "insert into raw.touched_hours values ('demo', :hour, 1, 1, 1, :hour)", hour=T0 - timedelta(hours=3))
    summary = retain(plant, tmp_path, NOW, 180, families=["readings"])
    assert summary.kept == {
        "readings of demo, 2026-03-01": "not settled: the ledger does not know the hour 2026-03-01 06:00"
    }
    assert raw_days(plant) == [1]


def test_rows_that_no_rollup_counts_stay(plant: Engine, tmp_path: Path) -> None:
    execute(plant, "update marts.fct_sensor_readings_hourly set reading_count = 3 where hour = :hour", hour=T0)
    summary = retain(plant, tmp_path, NOW, 180, families=["readings"])
    assert summary.kept == {
        "readings of demo, 2026-03-01": "no rollups: marts.fct_sensor_readings_hourly tells of 3 rows, there are 4"
    }
    assert raw_days(plant) == [1]


def test_rows_stay_where_the_marts_are_not_built(plant: Engine, tmp_path: Path) -> None:
    execute(plant, "drop table marts.fct_sensor_readings_hourly, marts.fct_work_unit_hours")
    assert reasons(retain(plant, tmp_path, NOW, 180)) == {"no rollups"}
    assert raw_days(plant) == [1, 2, 3]


def test_a_damaged_archive_holds_the_day(plant: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is damaged between its writing and the proof: the proof reads what is on the disk, all of it."""
    real = retention.archive_piece

    def and_damage(engine: Engine, directory: Path, piece: Any) -> None:
        real(engine, directory, piece)
        for path in directory.rglob("2026-03-01.parquet"):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)

    monkeypatch.setattr(retention, "archive_piece", and_damage)
    assert reasons(retain(plant, tmp_path, NOW, 180)) == {"the archive is damaged"}
    assert raw_days(plant) == [1]


def test_a_missing_archive_holds_the_day(plant: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "archive_piece", lambda engine, directory, piece: None)
    assert reasons(retain(plant, tmp_path, NOW, 180)) == {"not archived"}
    archive(plant, tmp_path, DAY, date(2026, 3, 4))
    for path in tmp_path.rglob("2026-03-01.parquet"):
        path.unlink()
    assert reasons(retain(plant, tmp_path, NOW, 180)) == {"the archive is damaged"}
    assert raw_days(plant) == [1]


def test_an_archive_of_other_rows_holds_the_day(plant: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows, other values: it is the sum of their hashes that tells."""
    archive(plant, tmp_path, DAY, date(2026, 3, 4))
    monkeypatch.setattr(retention, "archive_piece", lambda engine, directory, piece: None)
    execute(plant, "update raw.readings set value = 6 where event_time = :at", at=T0)
    summary = retain(plant, tmp_path, NOW, 180, families=["readings"])
    assert summary.kept == {
        "readings of demo, 2026-03-01": "not archived: readings has 4 rows, the archive 4, or others"
    }
    assert raw_days(plant) == [1]


def test_a_legal_hold_holds(plant: Engine, tmp_path: Path) -> None:
    """C2: whatever shorter rule is nearer."""
    with plant.begin() as connection:
        set_rule(connection, Rule("events", is_legal_hold=True))
        set_rule(connection, Rule("events", site_code="demo", keep_days=1))
    summary = retain(plant, tmp_path, NOW, 180)
    assert set(summary.kept.values()) == {"legal hold"}
    assert (raw_days(plant), raw_days(plant, "events")) == ([], [1, 2, 3])
    with plant.begin() as connection:
        assert remove_rule(connection, "events") and not remove_rule(connection, "events")
        assert rules(connection) == [Rule("events", "demo", keep_days=1)]
    retain(plant, tmp_path, NOW, 180)
    assert raw_days(plant, "events") == []


def test_each_class_is_kept_for_its_own_time(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """C2: by table, site and equipment class; the rule that names most counts."""
    equipment(inbox, pump="pump", press="press")
    codes = ("pump", "press", "unknown")
    inbox.add("readings", [reading(n, n, equipment_code=code) for n, code in enumerate(codes)])
    load_site(warehouse_engine, inbox, "demo")
    follow(warehouse_engine)
    with warehouse_engine.begin() as connection:
        set_rule(connection, Rule("readings", equipment_class="pump", keep_days=30))
        set_rule(connection, Rule("readings", equipment_class="press", keep_days=30))
        set_rule(connection, Rule("readings", site_code="demo", equipment_class="press", keep_days=None))
    found = "select equipment_code from raw.readings join raw.signals using (signal_id) order by 1"
    retain(warehouse_engine, tmp_path, T0 + timedelta(days=40), 180)
    assert rows(warehouse_engine, found) == [("press",), ("unknown",)]
    retain(warehouse_engine, tmp_path, NOW, 180)
    assert rows(warehouse_engine, found) == [("press",)]


def test_late_rows_of_one_class_are_not_told_of_another(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    equipment(inbox, pump="pump", press="press")
    inbox.add("readings", [reading(1.0, equipment_code=code) for code in ("pump", "press")])
    load_site(warehouse_engine, inbox, "demo")
    follow(warehouse_engine)
    with warehouse_engine.begin() as connection:
        set_rule(connection, Rule("readings", equipment_class="press", keep_days=None))
    retain(warehouse_engine, tmp_path, NOW, 180)
    inbox.add("readings", [reading(2.0, 1, equipment_code="press")])
    load_site(warehouse_engine, inbox, "demo")
    summary = archive(warehouse_engine, tmp_path, DAY, date(2026, 3, 2), families=["readings"])
    assert summary.left == {}
    assert [day.row_count for day in summary.written] == [2]


def test_a_rehearsal_proves_and_deletes_nothing(plant: Engine, tmp_path: Path) -> None:
    summary = retain(plant, tmp_path, NOW, 180, is_rehearsal=True)
    assert sum(day.row_count for day in summary.dropped) == 12 + 1 + 3 + 1
    assert raw_days(plant) == [1, 2, 3]
    assert rows(plant, "select count(*) from ops.archived_days where dropped_at is not null") == [(0,)]


def test_late_rows_of_a_dropped_day_are_kept_and_wait(plant: Engine, inbox: Any, tmp_path: Path) -> None:
    """C17: accepted, stored, and computed from only once the day is restored."""
    now = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=180)
    retain(plant, tmp_path, now, 180)
    items = [reading(9.0, 2), reading(9.0, 60 * 24 * 20)]
    inbox.add("readings", items, received_at=now)
    load_site(plant, inbox, "demo")
    assert rows(plant, "select count(*) from raw.readings where value = 9") == [(2,)]
    waiting = [hours.start for hours in ledger.pending_ranges(plant, "rolled_up")]
    assert T0 not in waiting and T0 + timedelta(days=20) in waiting
    assert ledger.frozen_count(plant) == 1
    assert T0 not in ledger.seen(plant, "rolled_up", T0, T0 + timedelta(hours=1)).hours

    # Nor do these few rows take the place of the archive.
    summary = archive(plant, tmp_path, DAY, date(2026, 3, 2), families=["readings"])
    assert summary.written == []
    assert set(summary.left.values()) == {"rows came after it was dropped; restore it first"}
    retain(plant, tmp_path, now, 180)
    assert rows(
        plant, "select row_count from ops.archived_days where table_name = 'readings' and day = :day", day=DAY
    ) == [(4,)]


def test_nothing_is_dropped_while_something_is_archived(plant: Engine, tmp_path: Path) -> None:
    with exclusively(plant, tmp_path), pytest.raises(StorageBusy):
        retain(plant, tmp_path, NOW, 180)
