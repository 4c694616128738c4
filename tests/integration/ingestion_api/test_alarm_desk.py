"""What people see of the machines now, and what the sweep does without a push."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.ingestion_api.test_alarms import HOT, changes, push, put

PATIENCE_S = 10


@pytest.fixture
def hot(plant: Any) -> Any:
    put(plant, HOT)
    return plant


def eventually(look: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (seen := look()) != wanted:
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def test_live_shows_the_newest_value_of_each_signal_and_its_alarms(hot: Any) -> None:
    """S2-028: under the documents' path too."""
    client = hot.http()
    hot.http("registry").put("/signals/pump-1/bearing_temperature", json={"unit_code": "Cel"})
    push(client, 86, 90, second=10)
    push(client, 20, second=5)
    push(client, 99, second=50, is_replay=True)
    push(client, 40, second=0, pump="pump-2")
    page = client.get("/live").json()
    first, second = page["items"]
    assert (first["value"], first["unit_code"], first["event_time"]) == (90.0, "Cel", "2026-02-06T10:30:11Z")
    assert [alarm["raised_value"] for alarm in first["alarms"]] == [86.0]
    assert (second["equipment_code"], second["value"], second["alarms"]) == ("pump-2", 40.0, [])
    assert client.get("/live", params={"equipment_code": "pump-2"}).json()["items"] == [second]
    start = client.get("/live", params={"limit": 1}).json()
    rest = client.get("/live", params={"limit": 1, "cursor": start["next_cursor"]}).json()
    assert [start["items"], rest["items"]] == [[first], [second]]
    alias = client.get(f"{hot.url}/api/live-data")
    assert (alias.json(), alias.headers["link"]) == (page, '</api/v1/live>; rel="successor-version"')
    assert hot.http("push_readings").get("/live").status_code == 403
    assert hot.http("read", site="other").get("/live").json()["items"] == []


def test_an_alarm_is_acknowledged_once_and_stays_cleared(hot: Any) -> None:
    client = hot.http()
    push(client, 90)
    push(client, 90, pump="pump-2")
    one, two = client.get("/alarms").json()["items"]
    seen = client.post(f"/alarms/{one['alarm_id']}/acknowledge").json()
    assert (seen["state"], seen["acknowledged_by"] is not None) == ("acknowledged", True)
    assert hot.http().post(f"/alarms/{one['alarm_id']}/acknowledge").json() == seen
    push(client, 10, second=5)
    push(client, 10, second=5, pump="pump-2")
    assert client.post(f"/alarms/{two['alarm_id']}/acknowledge").json()["state"] == "cleared"
    assert client.get("/alarms").json()["items"] == []
    log = client.get("/alarms/changes").json()["items"]
    steps = [(step["alarm_id"] == one["alarm_id"], step["transition"]) for step in log]
    assert [step for is_one, step in steps if is_one] == ["raised", "acknowledged", "cleared"]
    assert [step for is_one, step in steps if not is_one] == ["raised", "cleared", "acknowledged"]
    after = client.get("/alarms/changes", params={"after": log[0]["change_seq"], "limit": 2}).json()
    assert (after["items"], after["next_after"]) == (log[1:3], log[2]["change_seq"])


def test_alarms_are_listed_by_severity_and_page_and_site(hot: Any) -> None:
    put(hot, {**HOT, "severity": "low", "limit": 50}, "warm")
    client = hot.http()
    push(client, 90)
    everything = client.get("/alarms", params={"state": "all"}).json()["items"]
    assert sorted(alarm["severity"] for alarm in everything) == ["critical", "low"]
    low = client.get("/alarms", params={"severity": "low"}).json()["items"]
    assert [alarm["rule_code"] for alarm in low] == ["warm"]
    page = client.get("/alarms", params={"limit": 1}).json()
    rest = client.get("/alarms", params={"after": page["next_after"]}).json()
    assert page["items"] + rest["items"] == everything
    other = hot.http(site="other")
    assert other.get("/alarms").json()["items"] == []
    assert other.post(f"/alarms/{everything[0]['alarm_id']}/acknowledge").status_code == 404
    assert client.get("/alarms", params={"severity": "bad"}).status_code == 400


def test_silence_raises_and_the_next_reading_clears(plant: Any) -> None:
    rule = {name: HOT[name] for name in ("name", "equipment_class", "metric", "severity")}
    put(plant, {**rule, "kind": "missing_data", "duration_s": 60})
    push(plant.http(), 70)
    time.sleep(2.5)
    assert changes(plant) == []
    plant.now = lambda: datetime.now(UTC) + timedelta(seconds=61)
    eventually(lambda: [change for change, _, _ in changes(plant)], ["raised"])
    push(plant.http(), 70, second=100)
    eventually(lambda: [change for change, _, _ in changes(plant)], ["raised", "cleared"])
    assert changes(plant)[1][1:] == (100.0, 70.0)


def test_an_alarm_of_a_rule_that_is_switched_off_is_cleared(hot: Any) -> None:
    push(hot.http(), 90)
    put(hot, {**HOT, "is_enabled": False})
    eventually(lambda: [change for change, _, _ in changes(hot)], ["raised", "cleared"])
    eventually(lambda: hot.http().get("/alarms").json()["items"], [])


def test_a_value_that_came_past_an_instance_that_did_not_know_is_caught_up_with(hot: Any) -> None:
    other = type(hot)(hot.database_url, hot.engine)
    with other.running(), httpx.Client(base_url=f"{other.url}/api/v1", headers=hot.http().headers) as client:
        assert push(client, 70) == 201  # the other one knows of no alarm for a second
        assert push(hot.http(), 90, second=1) == 201
        assert push(client, 70, second=2) == 201
        eventually(lambda: [change for change, _, _ in changes(hot)], ["raised", "cleared"])
    assert changes(hot)[1] == ("cleared", 2.0, 70.0)
