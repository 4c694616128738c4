"""Which failed runs are told of, on runs that really failed."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from orchestration.alerts import Alerts
from orchestration.defs.alerts import HISTORY, SETTLES, look, on_failed_run
from orchestration.defs.resources import WarehouseResource


@dg.op
def breaks() -> None:
    raise ValueError("no\nrows")


@dg.op
def works() -> None: ...


@dg.job
def bad() -> None:
    breaks()


@dg.job
def good() -> None:
    works()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What the webhook answers, one after the other, then 200; it keeps no more than the count of requests."""
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The test's output is not the place for it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("MILLRACE_ALERT_URL", f"http://127.0.0.1:{server.server_address[1]}/")
        yield answers
        server.shutdown()
        thread.join()


def fail(instance: DagsterInstance, **tags: str) -> str:
    outcome = bad.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert not outcome.success
    return outcome.run_id


def soon() -> datetime:
    """When what happens now has settled."""
    return datetime.now(UTC) + 1.1 * SETTLES


def fresh() -> Alerts:
    return Alerts.read(None, first=datetime.now(UTC) - HISTORY)


def test_a_failed_run_is_told_once_with_its_step_and_error(
    instance: DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    good.execute_in_process(instance=instance)
    run_id = fail(instance, **{"millrace/site": "demo"})
    memory = fresh()
    (said,), problem = look(instance, memory, soon())
    assert said.startswith("Millrace: bad failed in step breaks: ValueError: no rows http")
    assert said.endswith(f"/runs/{run_id}")
    assert problem is None
    assert '"tags":{"millrace/site":"demo"}' in capsys.readouterr().out
    assert look(instance, memory, soon()) == ([], None)
    assert look(instance, memory, soon() + 2 * HISTORY) == ([], None)


def test_a_run_that_dagster_starts_again_is_not_told_of(instance: DagsterInstance) -> None:
    fail(instance, **{"dagster/will_retry": "true"})
    memory = fresh()
    assert look(instance, memory, soon()) == ([], None)
    last = fail(instance, **{"dagster/will_retry": "false"})
    (said,), _ = look(instance, memory, soon())
    assert said.endswith(last)


def test_a_run_that_dies_outside_of_its_steps_is_told_of(instance: DagsterInstance) -> None:
    run = instance.create_run_for_job(bad, status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run, "the run's process is gone")
    (said,), _ = look(instance, fresh(), soon())
    assert said.startswith("Millrace: bad failed: the run's process is gone http")


def test_of_a_process_that_died_its_end_is_told(instance: DagsterInstance) -> None:
    """As the code server reports it: the failure itself says no more than that it comes from outside."""
    run = instance.create_run_for_job(bad, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("Run execution process for r was terminated by signal 9 (SIGKILL).", run, cls=object)
    instance.report_run_failed(run)
    (said,), _ = look(instance, fresh(), soon())
    assert said.startswith("Millrace: bad failed: Run execution process for r was terminated by signal 9 (SIGKILL). h")


def test_a_failure_is_read_when_dagster_has_said_whether_it_starts_again(instance: DagsterInstance) -> None:
    fail(instance)
    memory = fresh()
    assert look(instance, memory, datetime.now(UTC)) == ([], None)
    said, _ = look(instance, memory, soon())
    assert len(said) == 1


def test_a_webhook_that_is_down_gets_it_at_the_next_look(instance: DagsterInstance, statuses: list[int]) -> None:
    statuses += [500, 503]
    fail(instance)
    memory = fresh()
    said, problem = look(instance, memory, soon())
    assert (len(said), problem) == (1, "1 alerts wait for the next look: the webhook answered 500")
    # Another process, with what the cursor holds.
    memory = Alerts.read(memory.cursor(), first=soon())
    said, problem = look(instance, memory, soon())
    assert (said, problem) == ([], "1 alerts wait for the next look: the webhook answered 503")
    assert look(instance, memory, soon()) == ([], None)
    assert memory.outbox == []


def test_an_alert_that_is_refused_keeps_no_other(instance: DagsterInstance, statuses: list[int]) -> None:
    for site_code in ("north", "south"):
        fail(instance, **{"millrace/site": site_code})
    statuses += [422, 204]
    memory = fresh()
    _, problem = look(instance, memory, soon())
    assert problem == "1 alerts wait for the next look: the webhook answered 422"
    assert [alert.latest.tags["millrace/site"] for alert in memory.outbox] == ["north"]
    statuses += 9 * [422]
    problems = [look(instance, memory, soon())[1] for _ in range(10)]
    assert "is given up, 10 times refused: the webhook answered 422" in (problems[-2] or "")
    assert (memory.outbox, problems[-1]) == ([], None)


def test_an_alert_that_the_webhook_knows_is_heard(instance: DagsterInstance, statuses: list[int]) -> None:
    statuses.append(409)
    fail(instance)
    memory = fresh()
    assert look(instance, memory, soon())[1] is None
    assert memory.outbox == []


def test_history_is_not_told_of_when_the_sensor_is_new(instance: DagsterInstance) -> None:
    fail(instance)
    later = soon() + HISTORY + timedelta(minutes=1)
    assert look(instance, Alerts.read(None, first=later - HISTORY), later) == ([], None)


def test_the_sensor_keeps_its_memory(instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the daemon evaluates it."""
    # The warehouse is down, and failed runs are told of all the same.
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    warehouse = {"warehouse": WarehouseResource()}
    with dg.build_sensor_context(instance, sensor_name="on_failed_run", resources=warehouse) as tick:
        outcome = on_failed_run.evaluate_tick(tick)
    assert outcome.skip_message == "no run failed"
    assert Alerts.read(outcome.cursor, first=soon()).since < datetime.now(UTC) - HISTORY / 2
