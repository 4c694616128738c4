"""What was refused is kept, shown, and released once its reason is gone."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

ITEM = {"equipment_code": "pump-9", "metric": "pressure", "value": 1.5, "event_time": "2026-02-06T10:30:00Z"}
PUMP = {"name": "Nine", "equipment_class": "pump"}


def push(http: httpx.Client, *items: Any, kind: str = "readings") -> httpx.Response:
    return http.post(f"/{kind}", json=list(items))


def release(http: httpx.Client, **wanted: Any) -> dict[str, Any]:
    response = http.post("/quarantine/release", json=wanted)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_unknown_equipment_registered_released_exported_once(plant: Any) -> None:
    """D4 and issue 2: quarantined, not lost; after it is registered it flows on, exactly once."""
    http, client = plant.http(), plant.client()
    good = {**ITEM, "equipment_code": "pump-1", "value": 7}
    assert push(http, ITEM, good).json()["quarantined"] == 1
    assert release(http, reason_code="unknown_equipment")["released"] == 0

    client.put("equipment", "pump-9", PUMP)
    done = release(http, reason_code="unknown_equipment")
    assert (done["released"], done["refused"], done["next_after"]) == (1, [], None)
    assert release(http, reason_code="unknown_equipment")["released"] == 0

    page = client.pull("readings", 0)
    rows = [(row["equipment_code"], row["value"]) for row in page.table.to_pylist()]
    assert rows == [("pump-1", 7.0), ("pump-9", 1.5)]
    assert [(entry.origin, entry.item_count, entry.accepted_count) for entry in page.batches] == [
        ("push", 2, 1),
        ("release", 1, 1),
    ]
    assert str(page.batches[1].batch_id) == done["batch_ids"][0]
    assert [change.code for change in client.pull_registry_changes(0)][-1] == "pump-9/pressure"


def test_receipt_of_the_first_batch_stays_as_it_was(plant: Any) -> None:
    http = plant.http()
    first = push(http, ITEM, {**ITEM, "equipment_code": "pump-1"})
    plant.client().put("equipment", "pump-9", PUMP)
    release(http, reason_code="unknown_equipment")
    assert push(http, ITEM, {**ITEM, "equipment_code": "pump-1"}).content == first.content


def test_list_shows_reason_and_bytes(plant: Any) -> None:
    http = plant.http()
    body = b'[{"equipment_code":"pump-1","metric":"\xff","value":1},' + json.dumps(ITEM).encode() + b"]"
    http.post("/readings", content=body, headers={"Content-Type": "application/json"})
    page = http.get("/quarantine").json()
    assert [(item["item_index"], item["reason_code"], item["status"]) for item in page["items"]] == [
        (0, "text_not_storable", "open"),
        (1, "unknown_equipment", "open"),
    ]
    assert page["items"][0]["item"] == '{"equipment_code":"pump-1","metric":"�","value":1}'
    assert json.loads(page["items"][1]["item"]) == ITEM
    assert page["next_after"] is None


def test_list_is_paged_and_filtered(plant: Any) -> None:
    http = plant.http()
    push(http, *({**ITEM, "value": value} for value in range(3)), {**ITEM, "quality": 2})
    first = http.get("/quarantine", params={"limit": 2}).json()
    rest = http.get("/quarantine", params={"limit": 3, "after": first["next_after"]}).json()
    assert [item["item_index"] for item in first["items"] + rest["items"]] == [0, 1, 2, 3]
    only = http.get("/quarantine", params={"reason_code": "quality_out_of_range"}).json()["items"]
    assert [item["item_index"] for item in only] == [3]
    plant.client().put("equipment", "pump-9", PUMP)
    release(http, reason_code="unknown_equipment")
    assert len(http.get("/quarantine", params={"status": "released"}).json()["items"]) == 3
    assert len(http.get("/quarantine").json()["items"]) == 1


def test_what_still_stands_against_an_item_is_told_and_it_stays(plant: Any) -> None:
    http = plant.http()
    push(http, ITEM, {**ITEM, "unit_code": "bar"}, {**ITEM, "unit_code": "kPa"})
    plant.client().put("equipment", "pump-9", PUMP)
    plant.client().put("signals", "pump-9/pressure", {"unit_code": "bar"})
    done = release(http, reason_code="unknown_equipment")
    assert done["released"] == 2
    assert [refusal["reason_code"] for refusal in done["refused"]] == ["unit_mismatch"]
    open_items = http.get("/quarantine").json()["items"]
    assert [item["quarantine_id"] for item in open_items] == [done["refused"][0]["quarantine_id"]]


def test_release_by_ids_takes_those_alone(plant: Any) -> None:
    http = plant.http()
    push(http, *({**ITEM, "value": value} for value in range(3)))
    ids = [item["quarantine_id"] for item in http.get("/quarantine").json()["items"]]
    plant.client().put("equipment", "pump-9", PUMP)
    assert release(http, ids=[ids[1], 10**15])["released"] == 1
    assert plant.client().pull("readings", 0).table.column("value").to_pylist() == [1.0]


def test_readings_and_events_become_a_batch_each(plant: Any) -> None:
    http, client = plant.http(), plant.client()
    plant.now = lambda: datetime(2026, 2, 6, 10, 0, tzinfo=UTC)
    push(http, {**ITEM, "equipment_code": "pump-1"})
    event = {"source_code": "camera-1", "event_type": "idle", "event_time": ITEM["event_time"]}
    push(http, event, kind="events")
    assert release(http, reason_code="event_time_in_future")["released"] == 0
    plant.now = lambda: datetime(2026, 2, 6, 11, 0, tzinfo=UTC)
    done = release(http, reason_code="event_time_in_future")
    assert (done["released"], len(done["batch_ids"])) == (2, 2)
    assert len(client.pull("readings", 0).table) == 1
    assert len(client.pull("events", 0).table) == 1


def test_item_without_a_time_keeps_the_time_it_first_came(plant: Any) -> None:
    """C15: event_time is the time of receipt, not of release."""
    http, client = plant.http(), plant.client()
    received_at = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
    plant.now = lambda: received_at
    push(http, {"equipment_code": "pump-9", "metric": "pressure", "value": 1})
    plant.now = lambda: received_at + timedelta(hours=3)
    client.put("equipment", "pump-9", PUMP)
    release(http, reason_code="unknown_equipment")
    row = client.pull("readings", 0).table.to_pylist()[0]
    assert row["event_time"] == received_at
    assert row["received_at"] == received_at + timedelta(hours=3)


def test_two_releases_at_once_release_once(plant: Any) -> None:
    clients = [plant.http() for _ in range(4)]
    push(clients[0], *({**ITEM, "value": value} for value in range(50)))
    plant.client().put("equipment", "pump-9", PUMP)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda http: release(http, reason_code="unknown_equipment"), clients))
    assert sum(answer["released"] for answer in done) == 50
    assert sorted(plant.client().pull("readings", 0).table.column("value").to_pylist()) == list(range(50))


def test_release_goes_on_where_it_stopped(plant: Any) -> None:
    """A thousand at a time; `next_after` leads past what cannot be released."""
    http = plant.http()
    for start in (0, 600):
        push(http, *({**ITEM, "value": start + value} for value in range(600)))
    first = release(http, reason_code="unknown_equipment")
    assert (first["released"], len(first["refused"])) == (0, 1_000)
    second = release(http, reason_code="unknown_equipment", after=first["next_after"])
    assert (len(second["refused"]), second["next_after"]) == (200, None)


def test_nan_is_never_released(plant: Any) -> None:
    http = plant.http()
    body = b'[{"equipment_code":"pump-1","metric":"pressure","value":NaN}]'
    http.post("/readings", content=body, headers={"Content-Type": "application/json"})
    done = release(http, reason_code="value_not_finite")
    assert (done["released"], done["batch_ids"]) == (0, [])
    with plant.engine.connect() as connection:
        assert connection.execute(text("select count(*) from inbox.batches")).scalar_one() == 1


@pytest.mark.parametrize(
    "wanted", [{}, {"ids": []}, {"ids": [1], "reason_code": "unit_mismatch"}, {"reason_code": "bad luck"}, {"id": 1}, 7]
)
def test_release_request_that_names_nothing(shared_plant: Any, wanted: Any) -> None:
    assert shared_plant.http().post("/quarantine/release", json=wanted).status_code == 400


def test_other_site_is_out_of_reach(plant: Any) -> None:
    push(plant.http(), ITEM)
    other = plant.http(site="elsewhere")
    other.put("/sites/elsewhere", json={"name": "Elsewhere", "time_zone": "UTC"})
    other.put("/equipment/pump-9", json=PUMP)
    assert other.get("/quarantine").json()["items"] == []
    assert release(other, reason_code="unknown_equipment")["released"] == 0
