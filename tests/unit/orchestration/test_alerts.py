"""What is told of failed runs, how often, and what becomes of it while the webhook is down."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orchestration.alerts import Alert, Alerts, Failure, about, one_line, post, write_log
from orchestration.errors import AlertNotTaken

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def failure(
    number: int, minutes: float = 0, *, job: str = "load", step: str = "load_site", place: str = "demo"
) -> Failure:
    return Failure(
        number=number,
        job=job,
        step=step,
        run_id=f"run{number}",
        run_url=f"http://dagster/runs/run{number}",
        error="ValueError: no",
        failed_at=TEN + minutes * MINUTE,
        tags={"millrace/site": place},
    )


class Webhook(ThreadingHTTPServer):
    """Answers with a status and keeps what it was sent."""

    def __init__(self) -> None:
        self.status = 204
        self.taken: list[tuple[Any, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?token=secret"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((body, self.headers["Idempotency-Key"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """The test's output is not the place for it."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_outage_is_one_alert_an_hour_with_a_count() -> None:
    memory = Alerts.read(None, first=TEN)
    told = []
    for minute in range(181):
        memory.take(failure(minute + 1, minute))
        told += memory.release(TEN + minute * MINUTE)
        memory.outbox.clear()
        memory = Alerts.read(memory.cursor(), first=TEN + 999 * MINUTE)
    assert [(alert.count, alert.latest.run_id) for alert in told] == [
        (1, "run1"),
        (60, "run61"),
        (60, "run121"),
        (60, "run181"),
    ]
    assert [alert.id for alert in told][:2] == ["load:load_site:demo:1", "load:load_site:demo:2"]


def test_what_failed_after_the_alert_is_told_though_nothing_fails_any_more() -> None:
    memory = Alerts(since=TEN)
    memory.take(failure(1))
    memory.release(TEN)
    memory.outbox.clear()
    memory.take(failure(2, 1))
    assert memory.release(TEN + 59 * MINUTE) == []
    (last,) = memory.release(TEN + 60 * MINUTE)
    assert (last.count, last.first_failed_at) == (1, TEN + MINUTE)
    assert memory.release(TEN + 120 * MINUTE) == []


def test_steps_and_jobs_are_told_apart() -> None:
    memory = Alerts(since=TEN)
    for number, (job, step) in enumerate([("load", "a"), ("load", "b"), ("training", "a"), ("load", "a")]):
        memory.take(failure(number, job=job, step=step))
    told = {alert.latest.subject: alert.count for alert in memory.release(TEN)}
    assert told == {"load:a:demo": 2, "load:b:demo": 1, "training:a:demo": 1}


def test_a_site_that_fails_does_not_hide_another() -> None:
    memory = Alerts(since=TEN)
    for number, place in enumerate(["north", "south", "north"]):
        memory.take(failure(number, place=place))
    told = {alert.latest.tags["millrace/site"]: alert.count for alert in memory.release(TEN)}
    assert told == {"north": 2, "south": 1}


def test_while_an_alert_is_not_heard_it_stays_as_it_was_and_the_rest_is_counted() -> None:
    memory = Alerts(since=TEN)
    memory.take(failure(1))
    (first,) = memory.release(TEN)
    for number in range(2, 200):
        memory.take(failure(number, number))
        assert memory.release(TEN + number * MINUTE) == []
    memory = Alerts.read(memory.cursor(), first=TEN)
    assert memory.outbox == [first]
    memory.outbox.clear()
    (second,) = memory.release(TEN + 200 * MINUTE)
    assert second.count == 198


def test_the_webhook_gets_a_flat_object_with_all_that_is_needed(webhook: Webhook) -> None:
    alert = Alert.of(failure(1)).also(failure(2, 5))
    post(webhook.url, alert, timeout_s=5)
    assert webhook.taken == [
        (
            {
                "id": "load:load_site:demo:1",
                "text": "Millrace: load failed in step load_site, 2 times since 2026-03-02 10:00 UTC: ValueError: no"
                " http://dagster/runs/run2",
                "count": 2,
                "first_failed_at": "2026-03-02T10:00:00+00:00",
                "failed_at": "2026-03-02T10:05:00Z",
                "job": "load",
                "step": "load_site",
                "run_id": "run2",
                "run_url": "http://dagster/runs/run2",
                "error": "ValueError: no",
                "tags": {"millrace/site": "demo"},
            },
            "load:load_site:demo:1",
        )
    ]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_told_without_its_url(webhook: Webhook, status: int) -> None:
    webhook.status = status
    with pytest.raises(AlertNotTaken, match=f"answered {status}") as raised:
        post(webhook.url, Alert.of(failure(1)), timeout_s=5)
    assert "secret" not in str(raised.value)


def test_a_webhook_that_accepts_and_never_answers_costs_its_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/?token=secret"
        with pytest.raises(AlertNotTaken, match="ReadTimeout") as raised:
            post(url, Alert.of(failure(1)), timeout_s=0.2)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["hook.example.org", "http://[", "ftp://example.org"])
def test_an_address_that_is_none_is_told_like_any_failure(url: str) -> None:
    with pytest.raises(AlertNotTaken, match="does not answer"):
        post(url, Alert.of(failure(1)), timeout_s=1)


def test_the_log_has_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_log(Alert.of(failure(1)))
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert (entry["component"], entry["event"], entry["level"]) == ("orchestration", "run_failed", "error")
    assert (entry["job"], entry["count"], entry["id"]) == ("load", 1, "load:load_site:demo:1")


def test_an_error_is_one_line_without_the_values_of_rows() -> None:
    message = (
        'IntegrityError: duplicate key value\n violates "pk"\nDETAIL:  Key (name)=(Erika) already exists.\n'
        "[SQL: insert into w values (%s)]\n[parameters: ('Erika',)]"
    )
    assert one_line(message) == 'IntegrityError: duplicate key value violates "pk"'
    assert len(one_line("x" * 10_000)) == 500


def test_of_an_error_of_dbt_the_command_line_is_not_told() -> None:
    message = "The dbt CLI process with command `…` failed.\n\nErrors parsed from dbt logs:\n\n2 of 3 ERROR creating m"
    assert one_line(f"{message}\n\nDatabase Error in model m\n  no room") == "Database Error in model m no room"


def test_of_the_tags_those_that_were_asked_for_are_told() -> None:
    assert about({"millrace/site": "demo", "dagster/x": "y"}, ("millrace/site", "dagster/partition")) == {
        "millrace/site": "demo"
    }
