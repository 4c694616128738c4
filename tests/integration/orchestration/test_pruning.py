"""Old runs are forgotten, and nothing that Dagster's pages need of them, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from orchestration.pruning import KEPT_JOBS, Pruned, forget_plans, prune

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PARTITIONS = dg.StaticPartitionsDefinition(["x", "y"])
HOURS = dg.HourlyPartitionsDefinition(start_date=datetime(2026, 3, 2, tzinfo=UTC))
THREE_HOURS = {
    "dagster/asset_partition_range_start": "2026-03-02-09:00",
    "dagster/asset_partition_range_end": "2026-03-02-11:00",
}


@dg.asset
def whole(context: dg.AssetExecutionContext) -> None:
    context.log.info("made the whole")


@dg.asset(partitions_def=PARTITIONS)
def parts(context: dg.AssetExecutionContext) -> None:
    context.log.info("made a part")


@dg.asset_check(asset=whole)
def is_sound() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset
def model(context: dg.AssetExecutionContext) -> None:
    context.log.info("trained")


@dg.asset(
    partitions_def=HOURS,
    check_specs=[dg.AssetCheckSpec("has_rows", asset="rollup")],
)
def rollup(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
    """Built over a range and checked once, as dbt's models are."""
    if "fails" in context.run.tags:
        raise dg.Failure("no rollup", allow_retries=False)
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


DEFINITIONS = dg.Definitions(
    assets=[whole, parts, model, rollup],
    asset_checks=[is_sound],
    jobs=[
        dg.define_asset_job("whole_job", [whole]),
        dg.define_asset_job("parts_job", [parts]),
        dg.define_asset_job("training", [model]),
        dg.define_asset_job("rollup_job", [rollup]),
    ],
)


@pytest.fixture
def run(instance: dg.DagsterInstance) -> Callable[..., str]:
    """Executes a job and returns the run's id."""

    def execute(job: str, partition: str | None = None, **tags: str) -> str:
        definition = DEFINITIONS.resolve_job_def(job)
        executed = definition.execute_in_process(
            instance=instance, partition_key=partition, tags=tags, raise_on_error=False
        )
        assert executed.success != ("fails" in tags)
        return executed.run_id

    return execute


def said(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """What an asset logged by itself."""
    return [entry.user_message for entry in instance.all_logs(run_id) if not entry.is_dagster_event]


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def test_a_run_goes_once_nothing_newest_came_from_it(instance: dg.DagsterInstance, run: Callable[..., str]) -> None:
    first, second = run("whole_job"), run("whole_job")
    pruned = prune(instance, LONG_AGO, tomorrow())
    assert (pruned.deleted, pruned.reduced, pruned.check_count) == (1, 1, 1)
    assert instance.get_run_by_id(first) is None
    assert instance.all_logs(first) == []
    assert instance.get_run_by_id(second) is not None
    newest = instance.get_latest_materialization_event(whole.key)
    assert newest is not None
    assert newest.run_id == second


def test_each_partition_is_known_and_its_run_is_shown_without_its_logs(
    instance: dg.DagsterInstance, run: Callable[..., str]
) -> None:
    old, x, y = run("parts_job", "x"), run("parts_job", "x"), run("parts_job", "y")
    assert said(instance, y) == ["made a part"]
    pruned = prune(instance, LONG_AGO, tomorrow())
    assert (pruned.deleted, pruned.reduced) == (1, 2)
    assert pruned.event_count > 0
    assert instance.get_run_by_id(old) is None
    assert instance.get_materialized_partitions(parts.key) == {"x", "y"}
    for run_id in (x, y):
        assert said(instance, run_id) == []
        stats = instance.get_run_stats(run_id)
        assert (stats.steps_succeeded, stats.materializations) == (1, 1)
        assert stats.end_time is not None
        (step,) = instance.get_run_step_stats(run_id)
        assert step.status is not None
        assert step.status.value == "SUCCESS"


def test_of_a_check_the_newest_evaluation_stays(instance: dg.DagsterInstance, run: Callable[..., str]) -> None:
    run("whole_job")
    newest = run("whole_job")
    prune(instance, LONG_AGO, tomorrow())
    check = dg.AssetCheckKey(whole.key, "is_sound")
    (kept,) = instance.event_log_storage.get_asset_check_execution_history(check, limit=10)
    assert kept.run_id == newest
    assert kept.event is not None


def rows_of(instance: dg.DagsterInstance, name: str, asset: dg.AssetsDefinition) -> list[tuple[str, str, str | None]]:
    """A check's execution history, newest first: run, status, partition."""
    history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(asset.key, name), limit=99)
    return [(record.run_id, record.status.value, record.partition) for record in history]


def test_a_range_plans_its_checks_once_an_hour_and_only_their_evaluation_stays(
    instance: dg.DagsterInstance, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.pruning._PLANS", 2)
    first, second = run("rollup_job", **THREE_HOURS), run("rollup_job", **THREE_HOURS)
    hours = ["2026-03-02-11:00", "2026-03-02-10:00", "2026-03-02-09:00"]
    assert rows_of(instance, "has_rows", rollup) == [
        row
        for run_id in (second, first)
        for row in ((run_id, "SUCCEEDED", None), *((run_id, "PLANNED", hour) for hour in hours))
    ]
    assert forget_plans(instance, datetime.now(UTC) - timedelta(days=1)) == 0
    assert forget_plans(instance, tomorrow()) == 6
    assert rows_of(instance, "has_rows", rollup) == [(second, "SUCCEEDED", None), (first, "SUCCEEDED", None)]


def test_that_the_newest_run_ended_before_a_check_stays_known(
    instance: dg.DagsterInstance, run: Callable[..., str]
) -> None:
    good = run("rollup_job", **THREE_HOURS)
    run("rollup_job", fails="yes", **THREE_HOURS)
    failed = run("rollup_job", fails="yes", **THREE_HOURS)
    assert forget_plans(instance, tomorrow()) == 8
    assert rows_of(instance, "has_rows", rollup) == [
        (failed, "PLANNED", "2026-03-02-11:00"),
        (good, "SUCCEEDED", None),
    ]
    again = run("rollup_job", **THREE_HOURS)
    assert forget_plans(instance, tomorrow()) == 4
    assert rows_of(instance, "has_rows", rollup) == [(again, "SUCCEEDED", None), (good, "SUCCEEDED", None)]


def test_of_what_sensors_observe_the_newest_stays_at_each_site(instance: dg.DagsterInstance) -> None:
    for number in range(3):
        for site in ("x", "y"):
            observed = dg.AssetObservation(parts.key, partition=site, metadata={"waiting_s": number})
            instance.report_runless_asset_event(observed)
    assert prune(instance, LONG_AGO, datetime.now(UTC) - timedelta(days=1)) == Pruned()
    assert prune(instance, LONG_AGO, tomorrow()) == Pruned(observation_count=4)
    kept = [record.asset_observation for record in instance.fetch_observations(parts.key, limit=10).records]
    told = {event.partition: event.metadata["waiting_s"].value for event in kept if event is not None}
    assert (len(kept), told) == (2, {"x": 2, "y": 2})


def test_a_training_is_told_of_for_ever(instance: dg.DagsterInstance, run: Callable[..., str]) -> None:
    assert "training" in KEPT_JOBS
    trainings = [run("training"), run("training")]
    assert prune(instance, LONG_AGO, tomorrow()) == Pruned()
    assert [said(instance, run_id) for run_id in trainings] == [["trained"], ["trained"]]


def test_young_runs_stay_as_they_are(instance: dg.DagsterInstance, run: Callable[..., str]) -> None:
    runs = [run("whole_job"), run("whole_job")]
    assert prune(instance, LONG_AGO, datetime.now(UTC) - timedelta(days=1)) == Pruned()
    assert [said(instance, run_id) for run_id in runs] == [["made the whole"]] * 2


def test_many_runs_are_gone_through_in_pages(
    instance: dg.DagsterInstance, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.pruning._PAGE", 2)
    runs = [run("whole_job") for _ in range(6)]
    assert prune(instance, LONG_AGO, tomorrow()).deleted == 5
    assert [record.run_id for record in instance.get_runs()] == runs[-1:]
    assert prune(instance, LONG_AGO, tomorrow()).deleted == 0


def test_the_asset_goes_on_where_the_last_one_ended(instance: dg.DagsterInstance, run: Callable[..., str]) -> None:
    from orchestration.defs.pruning import pruned_runs

    run("whole_job")
    for _ in range(2):
        result = dg.materialize([pruned_runs], instance=instance)
        assert result.success
        (made,) = result.asset_materializations_for_node("dagster__pruned_runs")
        assert made.metadata["deleted"].value == 0
        until = made.metadata["pruned_until"].value
        assert made.metadata["plan_count"].value == 0
        assert abs(until - (datetime.now(UTC) - timedelta(days=30)).timestamp()) < 60
