"""The indexes that the source documents name are there, under our names, or one that answers the same."""

import pytest
from sqlalchemy import Engine, text

# MISSION id: theirs, and the index that answers it here. A worker is `worker_code`, a workstation `work_unit_code`,
# a timestamp `event_time`; equipment has its readings by signal, one for each of its metrics.
DOCUMENTED = {
    "S0-039 (equipment_id, time): the signals of an equipment": (
        "raw.signals",
        "btree (site_code, equipment_code, metric)",
    ),
    "S0-039 (equipment_id, time): their readings in a span": ("raw.readings", "btree (signal_id, event_time)"),
    "S1-021, S1-047 idx_worker_time, S3-025 idx_events_worker_date": ("raw.events", "btree (worker_code, event_time)"),
    "S1-047 idx_workstation_time, S3-025 idx_events_station_date": ("raw.events", "btree (work_unit_code, event_time)"),
    "S1-022 created_at, of events": ("raw.events", "brin (recorded_at)"),
    "S1-022 created_at, of readings": ("raw.readings", "brin (recorded_at)"),
    "S1-022 created_at, of batches": ("raw.batches", "btree (received_at)"),
    "S1-022 created_at, of validations": ("ops.validation_results", "btree (validated_at)"),
    "S3-025 idx_events_timestamp, idx_events_ts_worker": ("raw.events", "btree (event_time)"),
}


@pytest.mark.parametrize("documented", DOCUMENTED)
def test_a_documented_index_is_there(documented: str, warehouse_engine: Engine) -> None:
    """S3-025's idx_events_type has none: four types in all, every statement that asks for one also names a time."""
    table, columns = DOCUMENTED[documented]
    query = text("select indexdef from pg_indexes where schemaname || '.' || tablename = :table")
    with warehouse_engine.connect() as connection:
        found = connection.scalars(query, {"table": table}).all()
    assert any(definition.endswith(f"USING {columns}") for definition in found), found


def test_rows_recorded_in_a_span_are_found_by_their_index(warehouse_engine: Engine) -> None:
    """S1-022: an audit of an hour does not read the history."""
    with warehouse_engine.begin() as connection:
        connection.execute(
            text("""
                insert into raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq,
                    load_id, received_at, recorded_at)
                select 1, 0, false, at, 1, 1, 1, 1, at, at
                from generate_series(timestamptz '2026-03-01', '2026-03-01 23:59:59', '1 second') as at
                order by at""")
        )
    with warehouse_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze raw.readings"))
        plan = connection.scalars(
            text(
                "explain select * from raw.readings where recorded_at between '2026-03-01 06:00' and '2026-03-01 06:05'"
            )
        ).all()
    assert any("recorded_at" in line and "Index Scan" in line for line in plan), plan
