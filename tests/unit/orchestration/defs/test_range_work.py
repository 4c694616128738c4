"""Runs over ranges: what holds them back, judged by runs that really failed."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.attempts import Go, Hold, judge
from orchestration.defs.partitions import HOUR, hour_tags, hours_of
from orchestration.defs.range_work import RangeJob, range_works
from orchestration.work import Work
from warehouse.ledger import Snapshot

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROLLUP = RangeJob[datetime]("rollup", "roll_up", HOUR, hour_tags, hours_of)


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


def run(instance: dg.DagsterInstance, failing: str, start: int = 0, end: int = 1) -> None:
    """A run over the hours from nine on, in which a step fails."""
    config = {"ops": {name: {"config": {"step": failing}} for name in ("roll_up", "score")}}
    tags = hour_tags(NINE + start * HOUR, NINE + end * HOUR)
    done = rollup.execute_in_process(config, instance=instance, tags=tags, raise_on_error=False)
    assert done.success == (failing == "none")


def works(instance: dg.DagsterInstance, start: int = 0, end: int = 1, touch_count: int = 2) -> list[Work]:
    """What is asked for over the hours from nine on."""

    def seen(first: datetime, last: datetime) -> Snapshot:
        return Snapshot(("demo",), (first,), (touch_count,))

    return list(range_works(instance, ROLLUP, [(NINE + start * HOUR, NINE + end * HOUR)], seen))


def hours(works: list[Work]) -> list[tuple[int, int]]:
    """The ranges of works, in hours from nine."""
    found = [hours_of(work.tags) for work in works]
    return [((start - NINE) // HOUR, (end - NINE) // HOUR) for start, end in filter(None, found)]


def verdict(instance: dg.DagsterInstance, work: Work) -> Go | Hold:
    return judge(instance, work.name, now=datetime.now(UTC), related=work.related)


def test_a_range_whose_hours_failed_waits_with_new_content_too(instance: dg.DagsterInstance) -> None:
    run(instance, failing="roll_up")
    (bad,), (next_hour,) = works(instance), works(instance, 1, 2)
    assert isinstance(verdict(instance, bad), Hold)
    assert verdict(instance, next_hour) == Go()


def test_hours_that_were_rolled_up_do_not_wait_for_their_scoring(instance: dg.DagsterInstance) -> None:
    """MLflow is away: the open hour is rolled up all the same, as often as it is touched."""
    run(instance, failing="roll_up")
    for _ in range(5):
        run(instance, failing="score")
    (work,) = works(instance)
    assert verdict(instance, work) == Go()


def test_a_failure_after_that_holds_again(instance: dg.DagsterInstance) -> None:
    run(instance, failing="score")
    run(instance, failing="roll_up")
    (work,) = works(instance)
    assert isinstance(verdict(instance, work), Hold)


def test_the_name_holds_what_the_ledger_says(instance: dg.DagsterInstance) -> None:
    names = [works(instance, touch_count=count)[0].name for count in (1, 2, 2)]
    assert names[0] != names[1] == names[2]


def test_a_bad_hour_is_cut_off_and_the_others_go_on(instance: dg.DagsterInstance) -> None:
    """The fifth of eight hours breaks a threshold. Cut in half at each failure, it stands alone after three."""
    assert hours(works(instance, 0, 8)) == [(0, 8)]
    run(instance, "roll_up", 0, 8)
    assert hours(works(instance, 0, 8)) == [(0, 4), (4, 8)]
    run(instance, "none", 0, 4)
    run(instance, "roll_up", 4, 8)
    assert hours(works(instance, 4, 8)) == [(4, 6), (6, 8)]
    run(instance, "roll_up", 4, 6)
    run(instance, "none", 6, 8)
    assert hours(works(instance, 4, 6)) == [(4, 5), (5, 6)]
    run(instance, "none", 5, 6)
    assert hours(works(instance, 4, 5)) == [(4, 5)]


def test_hours_that_come_later_do_not_join_a_bad_one(instance: dg.DagsterInstance) -> None:
    """While nobody looks, the hours go on: without cutting they would be one range with the bad one for ever."""
    run(instance, "roll_up", 0, 1)
    assert hours(works(instance, 0, 2)) == [(0, 1), (1, 2)]
    assert hours(works(instance, 0, 3)) == [(0, 1), (1, 3)]
    assert [verdict(instance, work) == Go() for work in works(instance, 0, 3)] == [False, True]


def test_what_was_built_since_is_not_cut(instance: dg.DagsterInstance) -> None:
    run(instance, "roll_up", 0, 2)
    run(instance, "none", 0, 2)
    assert hours(works(instance, 0, 2)) == [(0, 2)]
    run(instance, "score", 0, 2)
    assert hours(works(instance, 0, 2)) == [(0, 2)]
