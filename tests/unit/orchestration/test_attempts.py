"""When work is tried, held back and given up, judged by runs that really succeeded or failed."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterInstance

from orchestration.attempts import (
    LONGEST_DELAY,
    WORK_TAG,
    Go,
    Hold,
    failed_after,
    is_done,
    is_under_way,
    judge,
)
from orchestration.work import Work

MINUTE = timedelta(minutes=1)


class ShouldFail(dg.Config):
    """Whether a step fails."""

    fail: bool = False


@dg.op
def first(config: ShouldFail) -> int:
    if config.fail:
        raise dg.Failure("as asked")
    return 1


@dg.op
def second(config: ShouldFail, number: int) -> None:
    if config.fail:
        raise dg.Failure("as asked")


@dg.job
def two_steps() -> None:
    second(first())


@pytest.fixture
def instance() -> DagsterInstance:
    return DagsterInstance.ephemeral()


def run(instance: DagsterInstance, work: str, failing: str | None = None, **tags: str) -> str:
    """Execute the job, failing in a step; returns the run's id."""
    config = {"ops": {step: {"config": {"fail": step == failing}} for step in ("first", "second")}}
    outcome = two_steps.execute_in_process(
        config, instance=instance, tags={WORK_TAG: work, **tags}, raise_on_error=False
    )
    assert outcome.success == (failing is None)
    return outcome.run_id


def later(minutes: float) -> datetime:
    return datetime.now(UTC) + minutes * MINUTE


def test_new_work_is_tried(instance: DagsterInstance) -> None:
    assert judge(instance, "w", now=later(0)) == Go()
    assert not is_done(instance, "w")


def test_after_a_failure_the_wait_doubles_and_the_key_is_new(instance: DagsterInstance) -> None:
    first_run = run(instance, "w", failing="first")
    assert isinstance(judge(instance, "w", now=later(0.9)), Hold)
    assert judge(instance, "w", now=later(1.1)) == Go(after=first_run)
    second_run = run(instance, "w", failing="first")
    assert isinstance(judge(instance, "w", now=later(1.9)), Hold)
    assert judge(instance, "w", now=later(2.1)) == Go(after=second_run)


def test_a_key_is_never_used_again_though_old_runs_are_deleted(instance: DagsterInstance) -> None:
    """Dagster takes a run key that it still knows for done: the work would never be tried again."""
    runs = [run(instance, "w", failing="first") for _ in range(2)]
    instance.delete_run(runs[0])
    assert judge(instance, "w", now=later(60)) == Go(after=runs[1])


def test_after_as_many_failures_as_the_limit_a_person_is_needed(instance: DagsterInstance) -> None:
    last = [run(instance, "w", failing="first") for _ in range(3)][-1]
    verdict = judge(instance, "w", now=later(10_000), max_attempts=3)
    assert isinstance(verdict, Hold)
    assert "failed 3 times on the same data" in verdict.reason
    assert last in verdict.reason
    assert judge(instance, "other data", now=later(0)) == Go()


def test_what_dagster_starts_again_is_no_try_of_the_sensor(instance: DagsterInstance) -> None:
    """One crash, with Dagster's two retries, once used up all tries of a rollup."""
    root = run(instance, "w", failing="first")
    last = [run(instance, "w", failing="first", **{"dagster/root_run_id": root}) for _ in range(2)][-1]
    assert isinstance(judge(instance, "w", now=later(0.9), max_attempts=3), Hold)
    assert judge(instance, "w", now=later(1.1), max_attempts=3) == Go(after=last)


def test_what_sets_no_limit_is_never_given_up(instance: DagsterInstance) -> None:
    """Reference models, and an hour that can be cut no further, have no other content to wait for."""
    last = [run(instance, "w", failing="first") for _ in range(3)][-1]
    assert Work(name="w", label="w").max_attempts is None
    assert judge(instance, "w", now=later(10_000)) == Go(after=last)


def test_work_without_a_limit_is_tried_for_ever_at_the_longest_delay(instance: DagsterInstance) -> None:
    last = [run(instance, "w", failing="first") for _ in range(8)][-1]
    longest = LONGEST_DELAY / MINUTE
    assert isinstance(judge(instance, "w", now=later(longest - 1), max_attempts=None), Hold)
    assert judge(instance, "w", now=later(longest + 1), max_attempts=None) == Go(after=last)


def test_failures_nearby_slow_down_data_that_keeps_changing(instance: DagsterInstance) -> None:
    """A range that grows with each load is other work each time, but the same hour in it fails."""
    for content in ("w1", "w2", "w3"):
        run(instance, content, failing="first")
    nearby = instance.get_run_records()
    assert isinstance(judge(instance, "w4", now=later(3.9), related=nearby), Hold)
    assert judge(instance, "w4", now=later(4.1), related=nearby) == Go()


def test_a_success_nearby_ends_the_slowness(instance: DagsterInstance) -> None:
    run(instance, "w1", failing="first")
    run(instance, "w2")
    assert judge(instance, "w3", now=later(0), related=instance.get_run_records()) == Go()
    assert is_done(instance, "w2")


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)
def test_work_under_way_is_not_asked_for_again(instance: DagsterInstance, status: dg.DagsterRunStatus) -> None:
    instance.create_run_for_job(two_steps, tags={WORK_TAG: "w"}, status=status)
    assert judge(instance, "w", now=later(0)) == Hold("is under way")
    assert is_under_way(instance, "two_steps")
    assert is_under_way(instance, "two_steps", {WORK_TAG: "w"})
    assert not is_under_way(instance, "two_steps", {WORK_TAG: "v"})
    assert not is_under_way(instance, "other")


def test_runs_that_failed_between_two_steps_are_found(instance: DagsterInstance) -> None:
    run(instance, "w1")
    run(instance, "w2", failing="first")
    between = run(instance, "w3", failing="second")
    found = failed_after(instance, "two_steps", done="first", not_done="second", since=later(-1))
    assert [record.dagster_run.run_id for record in found] == [between]
    assert failed_after(instance, "two_steps", done="first", not_done="second", since=later(1)) == []
