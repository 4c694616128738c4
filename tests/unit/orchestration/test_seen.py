"""What the checks saw reaches the rollup of the same run, also when that run was taken up again."""

from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterInstance

from orchestration.seen import observation, seen_by_checks
from warehouse.ledger import Snapshot

SNAPSHOT = Snapshot(
    ("demo", "demo"), (datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)), (3, 1)
)


@dg.op
def check(context: dg.OpExecutionContext) -> None:
    context.log_event(observation(SNAPSHOT))


@dg.op
def unchecked() -> None: ...


@dg.job
def checked_run() -> None:
    check()


@dg.job
def unchecked_run() -> None:
    unchecked()


def test_the_snapshot_comes_back_as_it_was() -> None:
    instance = DagsterInstance.ephemeral()
    run = checked_run.execute_in_process(instance=instance).dagster_run
    assert seen_by_checks(instance, run) == SNAPSHOT


def test_a_run_that_takes_up_another_goes_by_its_checks() -> None:
    instance = DagsterInstance.ephemeral()
    parent = checked_run.execute_in_process(instance=instance).run_id
    retry = instance.create_run_for_job(unchecked_run, parent_run_id=parent, root_run_id=parent)
    assert seen_by_checks(instance, retry) == SNAPSHOT


def test_a_run_without_checks_saw_nothing() -> None:
    instance = DagsterInstance.ephemeral()
    assert seen_by_checks(instance, unchecked_run.execute_in_process(instance=instance).dagster_run) is None
