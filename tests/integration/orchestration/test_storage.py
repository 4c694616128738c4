"""The daily care of old raw rows, as its schedule runs it, on whatever server the tests have."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from warehouse.timescale import capabilities

OLD = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def old(plant: Any) -> Any:
    """A plant with a day of readings that is long past its retention, rolled up as far as retention looks."""
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump"})
    times = [OLD.replace(minute=minute).isoformat() for minute in range(10)]
    plant.push("readings", [{"equipment_code": "P1", "metric": "m", "event_time": at, "value": 1} for at in times])
    (load,) = plant.follow("on_new_batches", "load")
    assert load.success
    with plant.engine.begin() as connection:
        connection.execute(
            text("update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
        )
        connection.execute(
            text("create table marts.fct_sensor_readings_hourly as "
                 "select signal_id, date_trunc('hour', event_time, 'UTC') as hour, count(*) as reading_count "
                 "from raw.readings group by 1, 2")
        )  # fmt: skip
    return plant


def take_care(plant: Any) -> dict[str, Any]:
    from orchestration.definitions import defs

    result = defs.resolve_job_def("care_of_storage").execute_in_process(instance=plant.instance)
    assert result.success
    events = result.get_asset_materialization_events()
    told = {event.asset_key.path[-1]: event.materialization.metadata for event in events}
    (check,) = result.get_asset_check_evaluations()
    return {**told, "check": check}


def test_old_days_are_archived_and_dropped_only_where_a_setting_says_so(
    old: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """C2, S0-040, S4-022: what was done and why something stays is metadata of the assets."""
    monkeypatch.setenv("MILLRACE_ARCHIVE_DIR", str(tmp_path))
    told = take_care(old)
    assert (told["archived_days"]["files_written"].value, told["archived_days"]["rows"].value) == (1, 10)
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["2026-03-01_pump.parquet"]
    assert "MILLRACE_DROP_RAW" in told["dropped_chunks"]["nothing_done"].value
    assert told["dropped_chunks"]["past_retention"].value["readings"] == "1 days from 2026-03-01"
    assert old.rows("select count(*) from raw.readings")[0].count == 10
    with old.engine.connect() as connection:
        can_compress = capabilities(connection).has_compression
    assert ("nothing_done" in told["compressed_chunks"]) is not can_compress
    assert told["check"].passed

    monkeypatch.setenv("MILLRACE_DROP_RAW", "true")
    told = take_care(old)
    assert told["archived_days"]["files_written"].value == 0
    assert told["dropped_chunks"]["rows"].value == 10
    assert old.rows("select count(*) from raw.readings")[0].count == 0


def test_late_rows_of_dropped_days_are_told(old: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """C17: the sensor asks for no rollup of them, and says what they wait for."""
    old.push("readings", [{"equipment_code": "P1", "metric": "m", "event_time": OLD.isoformat(), "value": 2}])
    (load,) = old.follow("on_new_batches", "load")
    assert load.success
    monkeypatch.setenv("MILLRACE_ARCHIVE_DIR", str(tmp_path))
    check = take_care(old)["check"]
    assert not check.passed
    assert check.metadata["hours"].value == 1


def test_old_results_of_validations_go_by_default(old: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The gate adds rows with each of its runs, for ever."""
    monkeypatch.setenv("MILLRACE_ARCHIVE_DIR", str(tmp_path))
    with old.engine.begin() as connection:
        connection.execute(
            text("insert into ops.validation_results (suite, expectation, window_start, window_end, severity, "
                 "is_success, observed, validated_at) select 'readings', 'old', now(), now(), 'warning', true, '{}', "
                 "now() - days * interval '1 day' from unnest(array[401, 399]) as days")
        )  # fmt: skip
    assert take_care(old)["dropped_validations"]["deleted"].value == 1
    (left,) = old.rows("select count(*) from ops.validation_results where expectation = 'old'")
    assert left.count == 1
