"""What the clock asked for and failed is asked for again, on runs that really failed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterInstance

from orchestration.attempts import WORK_TAG, Go, Hold, judge
from orchestration.clock import CLOCK_TAG, clocked, second_chances
from orchestration.work import Work

SUNDAY = datetime(2026, 3, 8, 3, tzinfo=UTC)
WEEK = timedelta(days=7)


class Config(dg.Config):
    """Whether the step fails, and a class."""

    fail: bool = True
    equipment_class: str = "pump"


@dg.op
def train(config: Config) -> None:
    if config.fail:
        raise dg.Failure("as asked")


@dg.job(tags={"dagster/max_runtime": "5"})
def training() -> None:
    train()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


def work(tick: datetime, name: str = "pump", *, fail: bool = True) -> Work:
    config = {"ops": {"train": {"config": {"fail": fail, "equipment_class": name}}}}
    about = Work(name=name, label=name, tags={"millrace/equipment_class": name}, run_config=config)
    return clocked(about, "weekly_training", tick)


def run(instance: DagsterInstance, work: Work, **tags: str) -> str:
    request = work.request()
    outcome = training.execute_in_process(
        dict(work.run_config), instance=instance, tags={**request.tags, **tags}, raise_on_error=False
    )
    return outcome.run_id


def due(instance: DagsterInstance, *schedules: str) -> list[Work]:
    return list(second_chances(instance, schedules or ("weekly_training",), datetime.now(UTC)))


def test_each_tick_is_work_of_its_own() -> None:
    (first, second) = (work(SUNDAY).request(), work(SUNDAY + WEEK).request())
    assert (first.run_key, second.run_key) == (
        "weekly_training:pump:2026-03-08T0300",
        "weekly_training:pump:2026-03-15T0300",
    )
    assert first.tags[CLOCK_TAG] == "weekly_training"


def test_what_failed_is_asked_for_again_as_it_was(instance: DagsterInstance) -> None:
    failed = run(instance, work(SUNDAY))
    (again,) = due(instance)
    request = again.request(after=failed)
    assert request.job_name == "training"
    assert request.run_key == f"weekly_training:pump:2026-03-08T0300:after:{failed}"
    assert request.run_config == work(SUNDAY).run_config
    assert request.tags == work(SUNDAY).request().tags
    assert isinstance(judge(instance, again.name, now=datetime.now(UTC), max_attempts=10), Hold)
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert judge(instance, again.name, now=later, max_attempts=10) == Go(after=failed)


def test_after_ten_failures_a_person_is_needed(instance: DagsterInstance) -> None:
    for _ in range(10):
        run(instance, work(SUNDAY))
    (again,) = due(instance)
    far = datetime.now(UTC) + WEEK
    verdict = judge(instance, again.name, now=far, max_attempts=again.max_attempts)
    assert isinstance(verdict, Hold)
    assert "failed 10 times" in verdict.reason


def test_what_went_well_at_last_is_done(instance: DagsterInstance) -> None:
    run(instance, work(SUNDAY))
    run(instance, work(SUNDAY, fail=False))
    assert due(instance) == []


def test_a_newer_tick_takes_the_place_of_an_older_one(instance: DagsterInstance) -> None:
    run(instance, work(SUNDAY + WEEK, fail=False))
    # The older tick's run is the newer one in Dagster: it was launched late.
    run(instance, work(SUNDAY))
    assert due(instance) == []
    run(instance, work(SUNDAY + 2 * WEEK))
    assert [again.name for again in due(instance)] == ["weekly_training:pump:2026-03-22T0300"]


def test_classes_are_told_apart(instance: DagsterInstance) -> None:
    run(instance, work(SUNDAY, "pump"))
    run(instance, work(SUNDAY, "motor", fail=False))
    run(instance, work(SUNDAY, "valve"))
    names = {again.name.split(":")[1] for again in due(instance)}
    assert names == {"pump", "valve"}


def test_a_run_that_dagster_starts_again_or_somebody_cancelled_is_left_alone(instance: DagsterInstance) -> None:
    run(instance, work(SUNDAY, "pump"), **{"dagster/will_retry": "true"})
    cancelled = instance.create_run_for_job(training, tags=work(SUNDAY, "motor").request().tags)
    instance.report_run_canceled(cancelled)
    assert due(instance) == []


def test_what_the_clock_did_not_ask_for_is_not_its_business(instance: DagsterInstance) -> None:
    training.execute_in_process(
        dict(work(SUNDAY).run_config), instance=instance, tags={WORK_TAG: "initial:pump:1"}, raise_on_error=False
    )
    run(instance, work(SUNDAY))
    assert due(instance, "daily_base_backup") == []
