"""Reported losses: cumulative, never counted twice, per site; a loss is a number, never silence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ingestion_api.client import ApiRefused
from ingestion_api.contract import LossReport

TEN = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def report(total: int, minutes: int = 0, **changes: Any) -> LossReport:
    fields = {"client_id": "spool-1", "kind": "events", "reason": "spool_full_oldest"}
    at = TEN + timedelta(minutes=minutes)
    return LossReport(**{**fields, "lost_total": total, "first_at": at, "last_at": at, **changes})  # type: ignore[arg-type]


def test_the_highest_total_is_kept_whatever_the_order(api) -> None:
    client = api.client("push_events", "read")
    client.report_loss(report(10, 0))
    client.report_loss(report(30, 20))
    assert client.report_loss(report(20, 10)).lost_total == 30
    assert client.report_loss(report(30, 20)).lost_total == 30
    other = client.report_loss(report(5, 0, client_id="spool-2"))
    items = api.http("read").get("/losses").json()["items"]
    assert [(i["client_id"], i["lost_total"]) for i in items] == [("spool-1", 30), ("spool-2", 5)]
    assert (items[0]["first_at"], items[0]["last_at"]) == ("2026-03-01T10:00:00Z", "2026-03-01T10:20:00Z")
    assert other.credential == items[1]["credential"]


def test_each_kind_needs_its_own_scope_and_reading_another(api) -> None:
    with pytest.raises(ApiRefused) as raised:
        api.client("push_readings").report_loss(report(1))
    assert raised.value.problem.status == 403
    assert api.client("push_readings").report_loss(report(1, kind="unknown")).lost_total == 1
    assert api.http("push_events").get("/losses").status_code == 403


def test_another_site_sees_nothing_of_it(api) -> None:
    api.client("push_events").report_loss(report(1))
    assert api.http("read", site="other").get("/losses").json() == {"items": [], "next_after": None}


def test_pages_follow_each_other(api) -> None:
    client = api.client("push_events")
    for number in range(5):
        client.report_loss(report(number, client_id=f"spool-{number}"))
    http, after, seen = api.http("read"), 0, []
    while after is not None:
        page = http.get("/losses", params={"after": after, "limit": 2}).json()
        seen += [item["lost_total"] for item in page["items"]]
        after = page["next_after"]
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        {"lost_total": -1},
        {"lost_total": 2**63},
        {"kind": "alarms"},
        {"client_id": ""},
        {"client_id": "a b"},
        {"reason": "No such!"},
        {"first_at": "0001-01-01T00:00:00+14:00"},
        {"first_at": "2026-03-01T10:00:01Z"},
        {"last_at": "2026-03-01T10:00:00"},
        {"more": 1},
    ],
    ids=str,
)
def test_a_wrong_report_is_a_400_and_changes_nothing(api, change: dict[str, object]) -> None:
    body = {**msgspec.to_builtins(report(1)), **change}
    assert api.http("push_events").post("/losses", json=body).status_code == 400
    assert api.http("read").get("/losses").json()["items"] == []


def test_a_body_too_long_is_a_413(api) -> None:
    assert api.http("push_events").post("/losses", content=b" " * 10_001).status_code == 413
