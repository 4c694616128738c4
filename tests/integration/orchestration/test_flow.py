"""One small shift from the API to KPIs, run as the sensors ask for it; figures worked out by hand.

The shift ends now, at six in the evening by the plant's clock: then the hours of its events and the hour in which they
are received follow each other on one local day, and every sensor asks for one run.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import httpx
import pytest

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = NOW - 5 * HOUR
_AHEAD_H = (18 - NOW.hour + 9) % 24 - 9
# An hour and two to the west of the first. The names of these zones count westward.
ZONE, WEST, FAR_WEST = (f"Etc/GMT{west_h - _AHEAD_H:+d}" for west_h in range(3))
TODAY = (NOW + _AHEAD_H * HOUR).date()
LIMIT = 200.0


def event(hours: float, event_type: str, **more: object) -> dict[str, object]:
    common = {"source_code": "C1", "work_unit_code": "U1", "worker_code": "W1", "confidence": 0.95}
    return {"event_time": (START + hours * HOUR).isoformat(), "event_type": event_type, **common, **more}


def reading(minutes: int, value: float) -> dict[str, object]:
    event_time = (START + timedelta(minutes=minutes)).isoformat()
    return {"equipment_code": "P1", "metric": "flow", "event_time": event_time, "value": value}


REGISTRY: list[tuple[Any, str, dict[str, object]]] = [
    ("sites", "demo", {"name": "Demo", "time_zone": ZONE}),
    ("work_units", "U1", {"name": "Press", "target_units_per_h": 20}),
    ("workers", "W1", {}),
    ("equipment", "P1", {"name": "Pump", "equipment_class": "pump", "work_unit_code": "U1"}),
    ("signals", "P1/flow", {"unit_code": "L/min", "low_limit": 0, "high_limit": LIMIT}),
]
EVENTS = [
    event(0, "working", duration_s=10_800, units_produced=60),
    event(3, "idle", duration_s=3_600),
    event(4, "absent", duration_s=3_600),
]
READINGS = [reading(minute, float(minute % 60)) for minute in range(0, 5 * 60, 2)]


@pytest.fixture(scope="module")
def loaded(plant: Any) -> Any:
    """The plant, with its shift loaded."""
    assert "all is loaded" in plant.tick("on_new_batches").skip_message
    for entity, code, payload in REGISTRY:
        plant.api.put(entity, code, payload)
    plant.push("readings", READINGS)
    plant.push("events", EVENTS)
    (load,) = plant.follow("on_new_batches", "load")
    assert load.success
    return plant


@pytest.fixture(scope="module")
def referenced(loaded: Any) -> Any:
    """The loaded plant, with dimensions."""
    assert "not built yet" in loaded.tick("on_touched_hours").skip_message
    (built,) = loaded.follow("on_reference_changes", "reference")
    assert built.success
    return loaded


@pytest.fixture(scope="module")
def rolled_up(referenced: Any) -> Any:
    """The plant with its hours rolled up."""
    runs = referenced.follow("on_touched_hours", "hourly_rollup")
    assert [run.success for run in runs] == [True] * len(runs)
    return referenced


@pytest.fixture(scope="module")
def summarized(rolled_up: Any) -> Any:
    """The plant with its daily KPIs."""
    runs = rolled_up.follow("on_summarizable_hours", "daily_kpis")
    assert [run.success for run in runs] == [True] * len(runs)
    return rolled_up


def test_a_load_brings_everything_once(loaded: Any) -> None:
    assert loaded.rows("select count(*) from raw.readings") == [(len(READINGS),)]
    assert "all is loaded" in loaded.tick("on_new_batches").skip_message


def test_a_load_says_what_it_did(loaded: Any) -> None:
    """Each table shows its own counts, and the ledger a link to the API's page of each batch."""

    def shown(table: str) -> Any:
        event = loaded.instance.get_latest_materialization_event(dg.AssetKey(["raw", table]))
        assert event.asset_materialization.partition == "demo"
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    readings, events, changes = shown("readings"), shown("events"), shown("registry_changes")
    assert (readings["rows_written"], events["rows_written"]) == (len(READINGS), len(EVENTS))
    assert (readings["duplicate_count"], readings["revised_count"]) == (0, 0)
    assert changes["cursor"] == f"after 0 to {len(REGISTRY)}"
    assert shown("reading_revisions")["rows_written"] == shown("alarm_changes")["rows_written"] == 0
    batches = loaded.rows("select batch_id, load_id, kind from raw.batches order by batch_seq desc")
    assert shown("batches")["rows_written"] == len(batches)
    pages = [line.split("](")[1].split(")")[0] for line in shown("batches")["batches"].splitlines() if "](" in line]
    assert [page.rpartition("/")[2] for page in pages] == [str(batch_id) for batch_id, _, _ in batches]
    # As a browser asks: any name, and the key as its password.
    answers = [httpx.get(page, auth=("anyone", os.environ["MILLRACE_PULL_KEY"])).json() for page in pages]
    assert [answer["kind"] for answer in answers] == [kind for _, _, kind in batches]
    (load_id,) = {load_id for _, load_id, kind in batches if kind == "readings"}
    assert readings["load_ids"] == f"{load_id} to {load_id}"


def test_health_waits_for_equipment(loaded: Any) -> None:
    assert "no equipment in the marts yet" in loaded.at_the_hour("half_hourly_equipment_health").skip_message


def test_the_dimensions_are_built_once_for_what_is_registered(referenced: Any) -> None:
    assert referenced.rows("select site_code, time_zone from marts.dim_sites") == [("demo", ZONE)]
    assert "up to date" in referenced.tick("on_reference_changes").skip_message


def test_touched_hours_are_rolled_up_and_settled(rolled_up: Any) -> None:
    """D6. Thirty readings an hour, one every two minutes: 0, 2, ... 58; their mean is 29."""
    hours = rolled_up.rows("select hour, reading_count, avg_value from marts.fct_sensor_readings_hourly order by hour")
    assert [tuple(row) for row in hours] == [(START + number * HOUR, 30, 29.0) for number in range(5)]
    assert rolled_up.rows("select count(*) from raw.touched_hours where rolled_up_count < touch_count") == [(0,)]
    assert "nothing is due" in rolled_up.tick("on_touched_hours").skip_message


def test_each_rolled_up_hour_is_a_partition_of_its_own(rolled_up: Any) -> None:
    partitions = rolled_up.instance.get_materialized_partitions(dg.AssetKey(["marts", "fct_sensor_readings_hourly"]))
    assert {f"{START + number * HOUR:%Y-%m-%d-%H:%M}" for number in range(5)} <= partitions


def test_without_a_champion_nothing_is_scored_and_the_rollup_still_succeeds(rolled_up: Any) -> None:
    assert rolled_up.rows("select count(*) from ml.scores") == [(0,)]
    assert "scored its history" in rolled_up.tick("on_promotion").skip_message
    assert "was scored" in rolled_up.tick("on_unscored_hours").skip_message


def test_a_first_model_waits_for_enough_history(rolled_up: Any) -> None:
    assert "still coming in" in rolled_up.tick("on_missing_champion").skip_message
    assert "pump: 5 of 24 hours" in rolled_up.tick("on_missing_champion").skip_message


def test_a_mart_shows_the_rows_written(rolled_up: Any) -> None:
    """By each run of its own: tests that wait for an hour's end have an hour of nothing between shift and receipt."""

    def shown(table: str) -> dict[str, Any]:
        events = rolled_up.instance.fetch_materializations(dg.AssetKey(["marts", table]), limit=1000).records
        return {event.run_id: event.asset_materialization.metadata for event in events}

    hourly = shown("fct_sensor_readings_hourly").values()
    written = sum(run["rows_written"].value for run in hourly)
    assert [(written,)] == rolled_up.rows("select count(*) from marts.fct_sensor_readings_hourly")
    assert not any("dagster/row_count" in run for run in hourly)
    (sites,) = shown("dim_sites_history").values()
    assert sites["dagster/row_count"].value == sites["rows_written"].value == 1


def test_a_worker_kpi_is_what_the_pencil_says(summarized: Any) -> None:
    """S1-024..028. Three hours working, one idle, one absent, 60 units.

    Working 3 of 5 hours is 60 %, present 4 of 5 is 80 %, and 60 units in 3 working hours are 20 an hour.
    """
    (row,) = summarized.rows("select * from marts.fct_worker_kpis_daily where date = :date", date=TODAY)
    kpi = row._mapping
    assert (kpi["working_h"], kpi["idle_h"], kpi["absent_h"]) == (3, 1, 1)
    assert (kpi["utilization_observed_pct"], kpi["presence_pct"]) == (60, 80)
    assert (kpi["units_produced"], kpi["throughput_rate"]) == (60, 20)


def test_a_work_unit_kpi_is_what_the_pencil_says(summarized: Any) -> None:
    """S1-029..031. Occupied 4 hours, 60 units: 15 an hour, 40 short of the 100 that 5 hours at 20 an hour make."""
    (row,) = summarized.rows("select * from marts.fct_work_unit_kpis_daily where date = :date", date=TODAY)
    kpi = row._mapping
    assert (kpi["occupancy_h"], kpi["units_produced"], kpi["efficiency_rate"]) == (4, 60, 15)
    assert (kpi["target_units"], kpi["target_variance_units"], kpi["target_variance_pct"]) == (100, -40, -40)


def test_days_are_settled(summarized: Any) -> None:
    assert summarized.rows("select count(*) from raw.touched_hours where summarized_count < rolled_up_count") == [(0,)]
    assert "nothing is due" in summarized.tick("on_summarizable_hours").skip_message


def test_an_hour_that_breaks_a_threshold_is_held_back_until_it_is_mended(
    summarized: Any, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    """S0-064, C48: more than 10 % of the readings outside the registered limits keep their hour from the rollups."""
    bad, good = [[reading(minute, value) for minute in range(-180, -120)] for value in (LIMIT + 1, LIMIT)]
    summarized.push("readings", bad)
    assert [run.success for run in summarized.follow("on_new_batches", "load")] == [True]
    runs = summarized.follow("on_touched_hours", "hourly_rollup")
    assert [run.success for run in runs] == [True] * len(runs)
    before = "select count(*) from marts.fct_sensor_readings_hourly where hour < :start"
    assert summarized.rows(before, start=START) == [(0,)]
    assert summarized.rows("select count(*) from raw.touched_hours where rolled_up_count < touch_count") == [(1,)]
    assert "held back by values_are_within_registered_limits" in summarized.tick("on_touched_hours").skip_message

    summarized.push("readings", good)
    summarized.follow("on_new_batches", "load")
    monkeypatch.setenv("MILLRACE_ML_TRACKING_URI", f"http://127.0.0.1:{free_port}")
    runs = summarized.follow("on_touched_hours", "hourly_rollup")
    # MLflow is away: the hours are rolled up and settled all the same, and scored later.
    assert summarized.rows(before, start=START) == [(1,)]
    assert summarized.rows("select count(*) from raw.touched_hours where rolled_up_count < touch_count") == [(0,)]
    assert [run.success for run in runs] == [False] * len(runs)
    monkeypatch.undo()
    rescored = summarized.follow("on_unscored_hours", "scoring")
    assert {run.success for run in rescored} == {True}
    assert "was scored" in summarized.tick("on_unscored_hours").skip_message


def test_an_alarm_reaches_the_marts_and_the_health_of_its_equipment(summarized: Any) -> None:
    """D3, S0-036: what the API raised is loaded by the next load, and the half-hourly run shows it."""
    rule = {"name": "High flow", "equipment_class": "pump", "metric": "flow", "kind": "limit", "limit": 150}
    summarized.api.put("alarm_rules", "high-flow", rule | {"severity": "critical"})
    deadline = time.monotonic() + 30
    while not summarized.api.pull_alarm_changes(0):
        # Rules are applied within a second of their change.
        assert time.monotonic() < deadline
        item = {"equipment_code": "P1", "metric": "flow", "value": 150.0}
        summarized.api.push("readings", json.dumps([item | {"event_time": datetime.now(UTC).isoformat()}]).encode())
        time.sleep(0.2)
    assert [run.success for run in summarized.follow("on_new_batches", "load")] == [True]
    assert "all is loaded" in summarized.tick("on_new_batches").skip_message
    assert summarized.rows("select equipment_code, state, value from marts.fct_alarms") == [("P1", "raised", 150.0)]
    pending = "select count(*) from raw.touched_hours where rolled_up_count < touch_count"
    assert summarized.rows(pending)[0][0] >= 1

    (request,) = summarized.at_the_hour("half_hourly_equipment_health").run_requests
    assert summarized.run(request, "equipment_health").success
    health = "select equipment_code, health_status, open_critical_count from marts.fct_equipment_health_summary"
    assert summarized.rows(health) == [("P1", "critical", 1)]


def test_a_run_builds_first_what_fell_behind_after_it_was_asked_for(summarized: Any) -> None:
    """D6: no hour and no date is settled with dimensions from before a change that was loaded before the run began."""

    def move_to(zone: str) -> None:
        summarized.api.put("sites", "demo", {"name": "Demo", "time_zone": zone})
        assert [run.success for run in summarized.follow("on_new_batches", "load")] == [True]

    summarized.api.put("shifts", "DAY", {"name": "Day", "starts_at_local": "06:00", "ends_at_local": "14:00"})
    summarized.push("readings", [reading(4 * 60 + 1, 5.0)])
    summarized.follow("on_new_batches", "load")
    assert [run.success for run in summarized.follow("on_reference_changes", "reference")] == [True]
    with summarized.retrying_at_once():
        rollups = summarized.tick("on_touched_hours").run_requests
        move_to(WEST)
        assert "not built yet" in summarized.tick("on_summarizable_hours").skip_message
        outcomes = [summarized.run(rollup, "hourly_rollup").success for rollup in rollups]
        assert outcomes
        assert all(outcomes)
        assert summarized.rows("select time_zone from marts.dim_sites") == [(WEST,)]
        assert "up to date" in summarized.tick("on_reference_changes").skip_message

        (summary,) = summarized.tick("on_summarizable_hours").run_requests
        move_to(FAR_WEST)
        assert summarized.run(summary, "daily_kpis").success
    assert summarized.rows("select distinct time_zone from marts.dim_shift_calendar") == [(FAR_WEST,)]
    assert "up to date" in summarized.tick("on_reference_changes").skip_message


def test_where_columns_come_from_is_told_once_however_often_a_mart_is_built(summarized: Any) -> None:
    """Behind the tests that have built it several times."""
    mart = dg.AssetKey(["marts", "fct_worker_hours"])
    made = summarized.instance.fetch_materializations(mart, limit=1_000).records
    assert len({record.run_id for record in made}) > 1
    (seen,) = summarized.instance.fetch_observations(mart, limit=5).records
    told = seen.asset_observation.metadata
    assert "| `staging.stg_raw__events`: units_produced" in told["columns_come_from"].value
    lineage = told["dagster/column_lineage"].value.deps_by_column
    events = dg.AssetKey(["staging", "stg_raw__events"])
    assert lineage["units_produced"] == [dg.TableColumnDep(events, "units_produced")]
    assert dg.TableColumnDep(dg.AssetKey(["intermediate", "int_states_resolved"]), "state") in lineage["working_s"]


def test_of_every_mart_that_was_built_it_is_told_where_its_columns_come_from(summarized: Any) -> None:
    """SQL that the parser cannot follow would only be noted in a log."""
    keys = [key for key in summarized.instance.all_asset_keys() if key.path[0] == "marts"]
    built = [key for key in keys if summarized.instance.fetch_materializations(key, limit=1).records]
    assert len(built) > 30
    untold = [key.path[-1] for key in built if not summarized.instance.fetch_observations(key, limit=1).records]
    assert untold == []
