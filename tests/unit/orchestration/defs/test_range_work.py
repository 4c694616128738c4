"""Runs over ranges: what holds them back, judged by runs that really failed."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from orchestration.attempts import Go, Hold, judge
from orchestration.defs.partitions import hour_tags
from orchestration.defs.range_work import range_works
from orchestration.work import Work
from warehouse.ledger import Snapshot

HOUR = timedelta(hours=1)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TAGS = hour_tags(NINE, NINE + HOUR)


class Failing(dg.Config):
    """Which step fails."""

    step: str


@dg.op
def roll_up(config: Failing) -> int:
    if config.step == "roll_up":
        raise dg.Failure("a check failed")
    return 1


@dg.op
def score(config: Failing, number: int) -> None:
    if config.step == "score":
        raise dg.Failure("MLflow is away")


@dg.job
def rollup() -> None:
    score(roll_up())


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def fail(instance: dg.DagsterInstance, step: str) -> None:
    config = {"ops": {name: {"config": {"step": step}} for name in ("roll_up", "score")}}
    assert not rollup.execute_in_process(config, instance=instance, tags=TAGS, raise_on_error=False).success


def work(instance: dg.DagsterInstance, start: datetime = NINE) -> Work:
    """The hour, touched once more."""
    snapshot = Snapshot(("demo",), (start,), (2,))
    (found,) = range_works(instance, "rollup", "roll_up", [(hour_tags(start, start + HOUR), snapshot)])
    return found


def verdict(instance: dg.DagsterInstance, work: Work) -> Go | Hold:
    return judge(instance, work.name, now=datetime.now(UTC), related=work.related)


def test_a_range_whose_hours_failed_waits_with_new_content_too(instance: dg.DagsterInstance) -> None:
    fail(instance, "roll_up")
    assert isinstance(verdict(instance, work(instance)), Hold)
    assert verdict(instance, work(instance, NINE + HOUR)) == Go()


def test_hours_that_were_rolled_up_do_not_wait_for_their_scoring(instance: dg.DagsterInstance) -> None:
    """MLflow is away: the open hour is rolled up all the same, as often as it is touched."""
    fail(instance, "roll_up")
    for _ in range(5):
        fail(instance, "score")
    assert verdict(instance, work(instance)) == Go()


def test_a_failure_after_that_holds_again(instance: dg.DagsterInstance) -> None:
    fail(instance, "score")
    fail(instance, "roll_up")
    assert isinstance(verdict(instance, work(instance)), Hold)


def test_the_name_holds_what_the_ledger_says(instance: dg.DagsterInstance) -> None:
    ranges = [(TAGS, Snapshot(("demo",), (NINE,), (count,))) for count in (1, 2, 2)]
    one, two, again = (found.name for found in range_works(instance, "rollup", "roll_up", ranges))
    assert one != two == again
