"""The code location as Dagster sees it: lineage, checks, jobs, sensors. Nothing is run."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from orchestration.freshness import fresh_for
from orchestration.settings import OrchestrationSettings
from orchestration.work import BACKGROUND

ROOT = Path(__file__).resolve().parents[3]
API = dg.AssetKey(["inbox", "batches"])


def downstream_of(graph: AssetGraph, key: dg.AssetKey) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    queue = [key]
    while queue:
        for child in graph.get(queue.pop()).child_keys - found:
            found.add(child)
            queue.append(child)
    return found


def test_loading_the_code_location_leaves_the_heavy_libraries_alone(manifest: None) -> None:
    heavy = ("torch", "mlflow", "great_expectations", "pandas", "sklearn", "matplotlib")
    program = f"import sys, orchestration.definitions; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_definitions_are_loadable(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_one_connected_lineage_leads_from_the_api_to_marts_and_scores(graph: AssetGraph) -> None:
    reached = downstream_of(graph, API)
    assert reached >= {
        dg.AssetKey(key)
        for key in (
            ["raw", "readings"],
            ["raw", "events"],
            ["raw", "batches"],
            ["staging", "stg_raw__readings"],
            ["marts", "fct_sensor_readings_hourly"],
            ["marts", "features_equipment_readings"],
            ["marts", "fct_worker_kpis_daily"],
            ["marts", "fct_work_unit_kpis_daily"],
            ["marts", "fct_site_kpis_daily"],
            ["marts", "fct_data_quality_hourly"],
            ["marts", "fct_maintenance_events"],
            ["marts", "fct_equipment_health_summary"],
            ["ml", "anomaly_models"],
            ["ml", "promotions"],
            ["ml", "scores"],
            ["marts", "fct_model_health_hourly"],
            ["ml", "drift_episodes"],
            ["marts", "fct_equipment_failures"],
            ["ml", "remaining_life_models"],
            ["ml", "remaining_life"],
            ["marts", "fct_equipment_remaining_life"],
            ["ml", "drift_explanations"],
            ["ml", "drift_features"],
            ["ml", "model_performance_reports"],
        )
    }
    logs = [dg.AssetKey(["registry", "changes"]), dg.AssetKey(["inbox", "alarm_changes"])]
    of_logs = [downstream_of(graph, key) for key in logs]
    assert dg.AssetKey(["raw", "alarm_changes"]) in of_logs[1]
    seeds = {
        dg.AssetKey(["seeds", name]) for name in ("maintenance_base_costs", "sensor_classes", "severity_multipliers")
    }
    of_dagster = {dg.AssetKey(["dagster", "pruned_runs"])}
    assert graph.get_all_asset_keys() == reached.union(*of_logs, seeds, of_dagster, {API, *logs})


def test_every_asset_says_what_it_is_and_whose(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.description, key
        assert node.kinds, key
        assert node.owners, key


def test_every_asset_is_materialized_by_some_job(defs: dg.Definitions, graph: AssetGraph) -> None:
    names = (
        "load",
        "reference",
        "hourly_rollup",
        "daily_kpis",
        "equipment_health",
        "training",
        "rul_training",
        "forecast",
        "model_report",
        "care_of_storage",
        "hourly_aggregate",
        "base_backup",
        "pruning",
    )
    jobs = [defs.resolve_job_def(name) for name in names]
    made = {key for job in jobs for key in job.asset_layer.selected_asset_keys}
    assert made == set(graph.executable_asset_keys)


@pytest.mark.parametrize(
    "check", ["invalid_rate_is_low", "duplicate_rate_is_low", "late_arrival_p95_is_low", "values_are_present"]
)
def test_thresholds_are_checked_on_raw_before_the_rollup(defs: dg.Definitions, check: str) -> None:
    """S0-064, S0-065, S0-066: none of them blocks every site; what blocks is that failed hours are not held."""
    job = defs.resolve_job_def("hourly_rollup")
    keys = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.name == check}
    assert {key.asset_key.path[0] for key in keys} == {"raw"}
    assert not any(job.asset_layer.asset_graph.get(key).blocking for key in keys)
    gates = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.name == "failed_hours_are_held"}
    assert {key.asset_key for key in gates} >= {key.asset_key for key in keys}
    assert all(job.asset_layer.asset_graph.get(key).blocking for key in gates)
    inputs = job.graph.dependency_structure.input_to_upstream_outputs_for_node("dbt_hourly")
    assert "validate_raw" in {output.node_name for outputs in inputs.values() for output in outputs}


def test_each_rollup_waits_for_the_checks_of_the_raw_tables_it_reads(graph: AssetGraph) -> None:
    readings = graph.get(dg.AssetKey(["marts", "fct_sensor_readings_hourly"])).parent_keys
    workers = graph.get(dg.AssetKey(["marts", "fct_worker_hours"])).parent_keys
    quality = graph.get(dg.AssetKey(["marts", "fct_data_quality_hourly"])).parent_keys
    assert dg.AssetKey(["raw", "readings"]) in readings
    assert dg.AssetKey(["raw", "events"]) in workers
    assert dg.AssetKey(["raw", "batches"]) in quality


def test_hourly_and_daily_assets_are_cut_and_run_in_ranges(defs: dg.Definitions, graph: AssetGraph) -> None:
    from orchestration.defs.partitions import DAYS, HOURS, SITES

    cut = {
        ("raw", "readings"): SITES,
        ("marts", "fct_worker_hours"): HOURS,
        ("ml", "scores"): HOURS,
        ("marts", "fct_site_kpis_daily"): DAYS,
        ("marts", "fct_model_health_daily"): DAYS,
        ("marts", "dim_sites"): None,
    }
    for key, partitions in cut.items():
        node = graph.get(dg.AssetKey(key))
        assert node.partitions_def == partitions, key
        if partitions in (HOURS, DAYS):
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), key


def test_sensors_are_on_and_by_the_clock_runs_what_deletes_no_data(defs: dg.Definitions) -> None:
    sensors = {sensor.name: sensor.default_status for sensor in defs.sensors or []}
    assert set(sensors) == {
        "on_confidence_drift",
        "on_failed_clocked_run",
        "on_failed_run",
        "on_lag",
        "on_missed_drift_look",
        "on_missing_champion",
        "on_new_batches",
        "on_promotion",
        "on_reference_changes",
        "on_summarizable_hours",
        "on_touched_hours",
        "on_unscored_hours",
    }
    assert set(sensors.values()) == {dg.DefaultSensorStatus.RUNNING}
    schedules = {schedule.name: schedule.default_status for schedule in defs.schedules or []}
    assert schedules == {
        "daily_base_backup": dg.DefaultScheduleStatus.RUNNING,
        "hourly_doctor": dg.DefaultScheduleStatus.RUNNING,
        "hourly_forecast": dg.DefaultScheduleStatus.RUNNING,
        "weekly_rul_training": dg.DefaultScheduleStatus.RUNNING,
        "weekly_training": dg.DefaultScheduleStatus.STOPPED,
        "weekly_model_report": dg.DefaultScheduleStatus.RUNNING,
        "half_hourly_equipment_health": dg.DefaultScheduleStatus.RUNNING,
        "quarter_hourly_aggregate": dg.DefaultScheduleStatus.STOPPED,
        "daily_care_of_storage": dg.DefaultScheduleStatus.RUNNING,
        "daily_pruning": dg.DefaultScheduleStatus.RUNNING,
    }


def test_every_sensor_and_schedule_says_what_it_is_for(defs: dg.Definitions) -> None:
    told = {each.name: each.description for each in (*(defs.sensors or []), *(defs.schedules or []))}
    assert [name for name, description in told.items() if not description] == []
    assert str(told["on_missed_drift_look"]).startswith("The newest days were computed and the look for drift")


def test_what_the_clock_asks_for_once_a_day_or_less_has_a_second_chance(defs: dg.Definitions) -> None:
    from orchestration.defs.second_chances import SCHEDULES

    rare = {schedule for schedule in defs.schedules or [] if schedule.cron_schedule.split()[1] != "*"}
    assert {schedule.name for schedule in rare} == set(SCHEDULES)
    sensor = defs.resolve_sensor_def("on_failed_clocked_run")
    assert {target.job_name for target in sensor.targets} == {schedule.job_name for schedule in rare}


def test_a_tick_of_the_clock_names_its_work(defs: dg.Definitions) -> None:
    """Without a name a run is nobody's: what failed could not be told from what was done."""
    tick = datetime(2026, 3, 3, 5, tzinfo=UTC)
    for name in ("weekly_model_report", "daily_care_of_storage"):
        with dg.build_schedule_context(scheduled_execution_time=tick) as context:
            requests = defs.resolve_schedule_def(name).evaluate_tick(context).run_requests or []
        (tags,) = [request.tags for request in requests]
        assert tags["millrace/clock"] == name
        assert tags["millrace/work"].startswith(f"{name}:")
        assert tags["millrace/work"].endswith(":2026-03-03T0500")


def test_each_layer_says_how_long_it_is_fresh(graph: AssetGraph) -> None:
    settings = OrchestrationSettings()
    windows = {
        ("raw", "readings"): settings.fresh_raw_h,
        ("raw", "batches"): settings.fresh_raw_h,
        ("marts", "fct_sensor_readings_hourly"): settings.fresh_hourly_h,
        ("marts", "fct_worker_hours"): settings.fresh_hourly_h,
        ("marts", "fct_site_kpis_daily"): settings.fresh_daily_h,
        ("marts", "dim_sites"): None,
    }
    for key, hours in windows.items():
        policy = graph.get(dg.AssetKey(key)).freshness_policy
        assert policy == (hours and fresh_for(hours)), key
    assert yaml.safe_load((ROOT / "orchestration" / "dagster.yaml").read_text())["freshness"] == {"enabled": True}


def test_lag_is_a_check_that_stops_nothing(graph: AssetGraph, defs: dg.Definitions) -> None:
    keys = {key for key in graph.asset_check_keys if key.name.endswith("_keep_up")}
    assert {(key.asset_key.to_user_string(), key.name) for key in keys} == {
        ("ops/lag", "loads_keep_up"),
        ("ops/lag", "rollups_keep_up"),
    }
    assert not graph.get(dg.AssetKey(["ops", "lag"])).is_materializable
    assert not any(graph.get(key).blocking for key in keys)
    rollup = defs.resolve_job_def("hourly_rollup").asset_layer.asset_graph.asset_check_keys
    assert not keys & set(rollup)


def test_models_are_reported_every_week(defs: dg.Definitions, graph: AssetGraph) -> None:
    """S1-064: a day after the week's end, from the marts alone."""
    schedule = defs.resolve_schedule_def("weekly_model_report")
    assert (schedule.cron_schedule, schedule.execution_timezone, schedule.job_name) == (
        "0 5 * * 2",
        "UTC",
        "model_report",
    )
    (key,) = defs.resolve_job_def("model_report").asset_layer.selected_asset_keys
    assert {parent.path[0] for parent in graph.get(key).parent_keys} == {"marts"}


def test_the_health_of_equipment_is_summarized_every_half_hour(defs: dg.Definitions, graph: AssetGraph) -> None:
    """S0-036: one dbt run in 30 minutes, of one table, whatever else is loaded."""
    schedule = defs.resolve_schedule_def("half_hourly_equipment_health")
    assert (schedule.cron_schedule, schedule.job_name) == ("*/30 * * * *", "equipment_health")
    keys = defs.resolve_job_def("equipment_health").asset_layer.selected_asset_keys
    assert keys == {dg.AssetKey(["marts", "fct_equipment_health_summary"])}
    assert graph.get(next(iter(keys))).partitions_def is None


def test_what_reads_each_others_tables_shares_a_pool(defs: dg.Definitions) -> None:
    pools = {
        name: {op.pool for op in defs.resolve_job_def(name).graph.node_defs if op.pool}
        for name in ("reference", "hourly_rollup", "daily_kpis", "equipment_health", "scoring", "training")
    }
    transform = {"transform"}
    assert pools == {
        "reference": transform,
        "hourly_rollup": transform,
        "daily_kpis": transform,
        "equipment_health": transform,
        "scoring": transform,
        "training": {"training"},
    }


def test_long_runs_leave_a_slot_to_loads_and_rollups(defs: dg.Definitions) -> None:
    """Training, a first archive and a backup may take hours each, and may fall together on a Sunday night."""
    runs = yaml.safe_load((ROOT / "orchestration" / "dagster.yaml").read_text())["concurrency"]["runs"]
    limits = {limit["key"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    assert limits["millrace/background"] < runs["max_concurrent_runs"]
    jobs = defs.get_repository_def().get_all_jobs()
    short = {"load", "reference", "hourly_rollup", "daily_kpis", "equipment_health", "scoring", "forecast", "doctor"}
    short |= {"release_hours", "drift_look"}
    long = {job.name for job in jobs if job.tags.items() >= BACKGROUND.items()}
    assert long == {job.name for job in jobs} - short - {"model_report", "__ASSET_JOB"}
