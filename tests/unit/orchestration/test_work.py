"""From work that is due to run requests and a message for the person who reads the tick."""

import dagster as dg
import pytest
from dagster import DagsterInstance

from orchestration.attempts import WORK_TAG
from orchestration.work import Work, ask_for


@pytest.fixture
def instance() -> DagsterInstance:
    return DagsterInstance.ephemeral()


def work(name: str) -> Work:
    return Work(name=name, label=f"the {name}", tags={"a": "b"}, partition_key="demo", run_config={"ops": {}})


def test_a_request_carries_what_it_is_about(instance: DagsterInstance) -> None:
    (request,) = ask_for(instance, [work("x")]).run_requests or []
    assert request.run_key == "x"
    assert request.tags == {"a": "b", WORK_TAG: "x"}
    assert request.partition_key == "demo"


def test_a_tick_asks_for_the_most_urgent_only(instance: DagsterInstance) -> None:
    requests = ask_for(instance, map(work, "xyz"), most=2).run_requests or []
    assert [request.run_key for request in requests] == ["x", "y"]


def test_work_beyond_the_limit_is_not_even_looked_at(instance: DagsterInstance) -> None:
    def endless():  # type: ignore[no-untyped-def]
        yield work("x")
        raise AssertionError("asked for more")

    assert len(ask_for(instance, endless(), most=1).run_requests or []) == 1


@dg.job
def nothing() -> None: ...


def test_what_is_held_back_does_not_hold_up_the_rest(instance: DagsterInstance) -> None:
    instance.create_run_for_job(nothing, tags={WORK_TAG: "x"}, status=dg.DagsterRunStatus.STARTED)
    assert [request.run_key for request in ask_for(instance, map(work, "xy")).run_requests or []] == ["y"]
    skip = ask_for(instance, [work("x")], notes=["one note"]).skip_reason
    assert skip == dg.SkipReason("one note; the x: is under way")


def test_nothing_due_says_so(instance: DagsterInstance) -> None:
    assert ask_for(instance, []).skip_reason == dg.SkipReason("nothing is due")
