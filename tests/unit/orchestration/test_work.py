"""From work that is due to run requests and a message for the person who reads the tick."""

import logging
from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.attempts import WORK_TAG
from orchestration.work import Work, ask_for, by_the_clock


@pytest.fixture
def tick() -> Iterator[dg.SensorEvaluationContext]:
    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance) as context:
        yield context


def work(name: str) -> Work:
    return Work(name=name, label=f"the {name}", tags={"a": "b"}, partition_key="demo", run_config={"ops": {}})


def test_a_request_carries_what_it_is_about(tick: dg.SensorEvaluationContext) -> None:
    (request,) = ask_for(tick, [work("x")]).run_requests or []
    assert request.run_key == "x"
    assert request.tags == {"a": "b", WORK_TAG: "x"}
    assert request.partition_key == "demo"


def test_a_tick_asks_for_the_most_urgent_only(tick: dg.SensorEvaluationContext) -> None:
    requests = ask_for(tick, map(work, "xyz"), most=2).run_requests or []
    assert [request.run_key for request in requests] == ["x", "y"]


def test_work_beyond_the_limit_is_not_even_looked_at(tick: dg.SensorEvaluationContext) -> None:
    def endless():  # type: ignore[no-untyped-def]
        yield work("x")
        raise AssertionError("asked for more")

    assert len(ask_for(tick, endless(), most=1).run_requests or []) == 1


@dg.job
def nothing() -> None: ...


def test_what_is_held_back_does_not_hold_up_the_rest(tick: dg.SensorEvaluationContext) -> None:
    tick.instance.create_run_for_job(nothing, tags={WORK_TAG: "x"}, status=dg.DagsterRunStatus.STARTED)
    assert [request.run_key for request in ask_for(tick, map(work, "xy")).run_requests or []] == ["y"]
    skip = ask_for(tick, [work("x")], notes=["one note"]).skip_reason
    assert skip == dg.SkipReason("one note; the x: is under way")


def test_nothing_due_says_so(tick: dg.SensorEvaluationContext) -> None:
    assert ask_for(tick, []).skip_reason == dg.SkipReason("nothing is due")


def test_beside_requests_the_notes_are_logged(
    tick: dg.SensorEvaluationContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A site whose API is down must not be silent because the others are busy."""
    logger = tick.log
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO):
        assert ask_for(tick, [work("x")], notes=["far: its API does not answer"]).run_requests
    assert "far: its API does not answer" in caplog.messages


def test_what_was_tried_before_has_a_key_of_its_own() -> None:
    assert work("x").request().run_key == "x"
    assert work("x").request(after="1234").run_key == "x:after:1234"


def test_the_clock_asks_for_each_piece_or_says_why_not() -> None:
    requests = by_the_clock([work("x"), work("y")], otherwise="no work")
    assert isinstance(requests, list)
    assert [(request.run_key, request.tags[WORK_TAG]) for request in requests] == [("x", "x"), ("y", "y")]
    assert by_the_clock([], otherwise="no work") == dg.SkipReason("no work")
