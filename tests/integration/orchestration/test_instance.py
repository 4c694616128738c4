"""The instance that dagster.yaml describes, on a real PostgreSQL."""

from pathlib import Path

import yaml
from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from orchestration.run_launcher import WatchedRunLauncher

ROOT = Path(__file__).resolve().parents[3]


def test_everything_is_remembered_in_postgres(instance: DagsterInstance) -> None:
    assert isinstance(instance.run_storage, PostgresRunStorage)
    assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
    assert isinstance(instance.schedule_storage, PostgresScheduleStorage)
    assert instance.get_runs_count() == 0


def test_nothing_is_reported_to_anybody(instance: DagsterInstance) -> None:
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled


def test_runs_are_watched_and_those_that_die_are_started_again(instance: DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_start_timeout_seconds > 0
    assert instance.run_retries_enabled
    # What failed by itself is tried again by the sensor that asked for it.
    assert not instance.run_retries_retry_on_asset_or_op_failure


def test_pools_hold_one_run_and_each_site_one_load(instance: DagsterInstance) -> None:
    concurrency = instance.get_concurrency_config()
    assert concurrency.pool_config.pool_granularity is not None
    assert concurrency.pool_config.pool_granularity.value == "run"
    assert concurrency.pool_config.default_pool_limit == 1
    queue = concurrency.run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 3
    assert queue.tag_concurrency_limits == [
        {"key": "millrace/site", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
        {"key": "millrace/background", "limit": 2},
    ]


def test_the_code_location_has_the_name_that_the_project_gives_it() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert location["grpc_server"]["location_name"] == project["code_location_name"]
