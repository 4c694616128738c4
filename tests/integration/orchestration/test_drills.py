"""The process of a run, the code server and PostgreSQL are killed (-9) in the middle of assets.

The process of a run is killed in a load, in the reference models, a rollup, the daily KPIs and archiving: each notes in
its own way how far it is. PostgreSQL is killed in a load, which Python writes, and in a rollup, which dbt writes; the
code server, with its runs, in a load. At the end every item that was sent is there once, and every mart is what a
rebuild makes of it. Trainings, scores, drift, forecasts and health: see test_model_drills.py. How: see drills.py.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet
import pytest

from tests.integration.dbt_project.conftest import Dbt
from tests.integration.orchestration.drills import (
    CODE_SERVER,
    POSTGRES,
    WORKER,
    Asked,
    Drills,
    before,
    databases,
    killable,
    server,
)
from tests.integration.orchestration.real_dagster import ROOT, until
from tests.integration.orchestration.test_backfill import built
from warehouse.embedded import EmbeddedPostgres
from warehouse.settings import WarehouseSettings

__all__ = ["databases", "server"]
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
# As few as will do: Dagster notes every asset of a run once for each of its hours.
HOURS = 6
START = NOW - HOURS * HOUR
# Who settles hours waits; the checks of a run write to the same table before anything is built.
WAIT_AT_SETTLING = """
    create function public.wait_at_settling() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock_shared(7); return null; end';
    create trigger wait_at_settling before update of rolled_up_count, summarized_count on raw.touched_hours
        for each statement execute function public.wait_at_settling();
"""
SETTLING = "select pg_advisory_lock(7)"


class Shift(Drills):
    """A plant of one pump and one worker.

    Attributes:
        sent: How many readings and events were pushed, each of them new.
    """

    def __init__(self, *drilled: Any) -> None:
        super().__init__(*drilled)
        self.sent = {"readings": 0, "events": 0}

    def push(self) -> None:
        """Push readings and an event that nobody has seen yet, of hours that are known."""
        number = self.sent["events"]
        moment = timedelta(seconds=number)
        reading = {"equipment_code": "P1", "metric": "flow", "value": 100.0 + number % 7}
        minutes = HOURS * 60 // 5
        readings = [reading | {"event_time": (START + 5 * n * HOUR / 60 + moment).isoformat()} for n in range(minutes)]
        event = {"source_code": "C1", "work_unit_code": "U1", "worker_code": "W1", "confidence": 0.95}
        event |= {"event_type": "working", "duration_s": 60, "units_produced": 1}
        self.send("readings", readings)
        self.send("events", [event | {"event_time": (NOW - 2 * HOUR + 60 * moment).isoformat()}])
        self.sent["readings"] += minutes
        self.sent["events"] += 1


@pytest.fixture(scope="module")
def drills(
    plant: Any,
    server: EmbeddedPostgres,
    databases: dict[str, str],
    module_ports: tuple[int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shift]:
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("work_units", "U1", {"name": "Press", "target_units_per_h": 20})
    plant.api.put("workers", "W1", {})
    plant.api.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump", "work_unit_code": "U1"})
    plant.api.put("signals", "P1/flow", {"unit_code": "L/min", "low_limit": 0, "high_limit": 200})
    with killable(plant, server, module_ports[1], tmp_path_factory.mktemp("data")) as dagster:
        shift = Shift(plant, dagster, databases["warehouse"])
        shift.push()
        yield shift


@pytest.fixture(scope="module")
def loaded(drills: Shift) -> Shift:
    """Killed three times with the registry and the readings stored and the events staged, and loaded then."""
    for victim in (WORKER, CODE_SERVER, POSTGRES):
        drills.kill(victim, "load", before("raw.events"), "on_new_batches")
        assert drills.plant.rows("select count(*) from raw.readings") == [(drills.sent["readings"],)]
        assert drills.plant.rows("select count(*) from raw.events") == [(0,)]
    drills.follow("on_new_batches", "load")
    return drills


@pytest.fixture(scope="module")
def referenced(loaded: Shift) -> Shift:
    """Killed when all is built and not noted."""
    loaded.kill(WORKER, "reference", before("raw.reference_builds"), "on_reference_changes")
    loaded.follow("on_reference_changes", "reference")
    return loaded


@pytest.fixture(scope="module")
def rolled_up(referenced: Shift) -> Shift:
    """Killed when all is built and not noted, and while dbt builds."""
    with referenced.plant.engine.begin() as connection:
        connection.exec_driver_sql(WAIT_AT_SETTLING)
    referenced.kill(WORKER, "hourly_rollup", SETTLING, "on_touched_hours")
    referenced.kill(POSTGRES, "hourly_rollup", before("marts.fct_sensor_readings_hourly"), "on_touched_hours")
    referenced.follow("on_touched_hours", "hourly_rollup")
    return referenced


@pytest.fixture(scope="module")
def summarized(rolled_up: Shift) -> Shift:
    """Killed when all is built and not noted."""
    rolled_up.kill(WORKER, "daily_kpis", SETTLING, "on_summarizable_hours")
    rolled_up.follow("on_summarizable_hours", "daily_kpis")
    return rolled_up


def test_a_load_goes_on_where_it_was_killed(loaded: Shift) -> None:
    """Nothing is lost, and nothing is there twice."""
    sent = loaded.sent
    assert loaded.plant.rows("select count(*) from raw.readings") == [(sent["readings"],)]
    assert loaded.plant.rows("select count(*) from raw.events") == [(sent["events"],)]
    assert loaded.plant.rows("select sum(duplicate_count), sum(revised_count) from raw.loads") == [(0, 0)]
    assert "all is loaded" in loaded.plant.tick("on_new_batches").skip_message


def test_reference_models_are_built_again(referenced: Shift) -> None:
    assert referenced.plant.rows("select count(*) from raw.reference_builds") == [(1,)]
    assert "up to date" in referenced.plant.tick("on_reference_changes").skip_message


def test_hours_are_rolled_up_again_and_settled(rolled_up: Shift) -> None:
    counted = "select sum(reading_count) from marts.fct_sensor_readings_hourly"
    assert rolled_up.plant.rows(counted) == [(rolled_up.sent["readings"],)]
    assert rolled_up.plant.rows("select count(*) from raw.touched_hours where rolled_up_count < touch_count") == [(0,)]


def test_days_are_summarized_again_and_every_mart_is_what_a_rebuild_makes_of_it(
    summarized: Shift, databases: dict[str, str], tmp_path: Path
) -> None:
    assert summarized.plant.rows("select count(*) from raw.touched_hours where summarized_count < touch_count") == [
        (0,)
    ]
    kept = built(summarized.plant.engine)
    dbt = Dbt(databases["warehouse"], tmp_path / "dbt")
    dbt("run", "--full-refresh", "--exclude", "tag:health")
    dbt.close()
    rebuilt = built(summarized.plant.engine)
    assert [table for table in rebuilt if rebuilt[table] != kept[table]] == []


def test_the_archive_of_cold_days_is_taken_up_again(drills: Shift) -> None:
    """Killed with the files written and not noted; the clock's next tick is a day away."""
    plant = drills.plant
    cold = NOW.replace(hour=0) - timedelta(days=10)
    drills.send("readings", [{"equipment_code": "P1", "metric": "flow", "value": 1.0, "event_time": cold.isoformat()}])
    drills.sent["readings"] += 1
    drills.follow("on_new_batches", "load")
    (request,) = plant.at_the_hour("daily_care_of_storage").run_requests
    drills.kill_in(WORKER, Asked(request, "care_of_storage", before("ops.archived_days")))
    (request,) = plant.tick("on_failed_clocked_run").run_requests
    assert plant.run(request, "care_of_storage").success
    assert not plant.tick("on_failed_clocked_run").run_requests
    ((path, count),) = plant.rows("select path, row_count from ops.archived_days where path is not null")
    assert count == 1
    archive = WarehouseSettings().archive()
    assert [str(found.relative_to(archive)) for found in archive.rglob("*.parquet")] == [path]
    assert pyarrow.parquet.read_table(archive / path).num_rows == count


def test_two_daemons_by_mistake_load_every_batch_once(drills: Shift) -> None:
    """Dagster complains in the log and goes on with both.

    It looks for a run's key and creates the run in two steps, so in an unlucky instant both daemons ask for the same
    run. The second waits for the first, of the same site, and finds nothing to do.
    """
    drills.follow("on_new_batches", "load")
    dagster, plant = drills.dagster, drills.plant
    dagster.stop_sensors_but("on_new_batches")
    for _ in range(2):
        dagster.start("dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml"), MILLRACE_SENSOR_INTERVAL_S="5")

    def is_loaded() -> bool:
        return bool(plant.rows("select count(*) from raw.events") == [(drills.sent["events"],)])

    for _ in range(2):
        drills.push()
        until(is_loaded, "the load")
    # A daemon looks for others every half minute: both are at work by now.
    until(lambda: "daemon is still sending heartbeats" in dagster.said(), "a complaint about the other daemon")
    drills.push()
    until(is_loaded, "the load")
    run = dagster.instance.get_runs(dg.RunsFilter(job_name="load"), limit=1)[0]
    again = dg.RunRequest(partition_key="demo", tags=run.tags)
    assert plant.run(again, "load").success
    assert plant.rows("select count(*) from raw.readings") == [(drills.sent["readings"],)]
    assert plant.rows("select count(*) from raw.events") == [(drills.sent["events"],)]
    assert plant.rows("select sum(duplicate_count), sum(revised_count) from raw.loads") == [(0, 0)]
