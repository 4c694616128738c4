"""What a device is answered, and that what it was answered is so."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import zstandard
from sqlalchemy import Engine, text

from ingestion_api.contract import BatchReceipt

GOOD = {"equipment_code": "pump-1", "metric": "pressure", "value": 1.5, "event_time": "2026-02-06T10:30:00Z"}
EVENT = {
    "source_code": "camera-1",
    "event_type": "working",
    "event_time": "2026-02-06T10:30:00Z",
    "worker_code": "W114",
    "work_unit_code": "S3",
    "duration_s": 1800,
    "units_produced": 45,
    "confidence": 0.41,
}
JSON = {"Content-Type": "application/json"}


def post(client: httpx.Client, body: Any, kind: str = "readings", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/{kind}", content=content, headers={**JSON, **headers})


def receipt(response: httpx.Response) -> BatchReceipt:
    return msgspec.json.decode(response.content, type=BatchReceipt)


def rows(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_new_batch_is_stored_and_answered(plant: Any) -> None:
    """C4: 201, Location, and a receipt that stays."""
    http = plant.http()
    before = datetime.now(UTC)
    response = post(http, [GOOD, {**GOOD, "metric": "flow"}], **{"Idempotency-Key": "first"})
    assert response.status_code == 201
    got = receipt(response)
    assert (got.kind, got.accepted, got.quarantined, got.refused) == ("readings", 2, 0, [])
    assert got.idempotency_key == "first"
    assert before - timedelta(seconds=1) < got.received_at < datetime.now(UTC) + timedelta(seconds=1)
    assert "idempotent-replayed" not in response.headers
    location = response.headers["location"]
    assert location == f"/api/v1/batches/{got.batch_id}"
    again = http.get(f"/batches/{got.batch_id}")
    told = again.json()
    assert told.pop("settlement")["status"] == "unknown"  # no warehouse here
    assert (again.status_code, told) == (200, response.json())


def test_body_is_kept_as_it_came(plant: Any) -> None:
    """D1: the raw bytes stay replayable."""
    body = b' {"readings": [ ' + json.dumps(GOOD).encode() + b', {"value": NaN} ]}\n'
    assert post(plant.http(), body).status_code == 201
    (payload,) = rows(plant.engine, "select payload from inbox.batches")[0]
    assert zstandard.decompress(payload) == body


def test_factory_event_with_low_confidence_is_accepted(plant: Any) -> None:
    """S3-009, S3-010, C8: under the 0.7 gate and still stored."""
    response = post(plant.http(), EVENT, "events")
    assert response.status_code == 201
    assert receipt(response).accepted == 1


def test_one_bad_item_of_many(plant: Any) -> None:
    """C4: one bad row never fails a batch. S1-015: the counts."""
    body = b"[" + b",".join([json.dumps(GOOD).encode()] * 5 + [b'{"equipment_code": "pump-1", "value": nul}']) + b"]"
    response = post(plant.http(), body)
    assert response.status_code == 201
    got = receipt(response)
    assert (got.accepted, got.quarantined) == (5, 1)
    assert (got.refused[0].index, got.refused[0].reason_code) == (5, "malformed_item")
    assert rows(plant.engine, "select item, item_index, status from inbox.quarantine") == [
        (b'{"equipment_code": "pump-1", "value": nul}', 5, "open")
    ]


def test_nothing_acceptable_is_quarantined_and_said_so(plant: Any) -> None:
    """C4: 422; the receipt rides in the problem."""
    http = plant.http()
    body = [{**GOOD, "quality": 2}, {**GOOD, "equipment_code": "pump-9"}]
    first = post(http, body)
    assert first.status_code == 422
    problem = first.json()
    assert problem["type"] == "urn:millrace:problem:nothing-acceptable"
    got = msgspec.convert(problem["receipt"], BatchReceipt)
    assert (got.accepted, [refusal.reason_code for refusal in got.refused]) == (
        0,
        ["quality_out_of_range", "unknown_equipment"],
    )
    assert len(rows(plant.engine, "select 1 from inbox.quarantine")) == 2

    second = post(http, body)
    assert (second.status_code, second.headers["idempotent-replayed"]) == (422, "true")
    assert second.json()["receipt"] == problem["receipt"]
    assert len(rows(plant.engine, "select 1 from inbox.quarantine")) == 2


def test_repeat_gets_the_first_answer(plant: Any) -> None:
    """D2, C1: known by content, with the same key, another key, or none; the first key is told."""
    http = plant.http()
    body = [GOOD, {**GOOD, "quality": 2}]
    first = post(http, body, **{"Idempotency-Key": "mine"})
    for headers in ({"Idempotency-Key": "mine"}, {"Idempotency-Key": "another"}, {}):
        repeat = post(http, body, **headers)
        assert (repeat.status_code, repeat.headers["idempotent-replayed"]) == (200, "true")
        assert repeat.content == first.content
    assert receipt(first).idempotency_key == "mine"
    assert rows(plant.engine, "select replay_count from inbox.batches") == [(3,)]
    assert len(rows(plant.engine, "select 1 from inbox.quarantine")) == 1


def test_key_belongs_to_one_body(plant: Any) -> None:
    """C4: 422 where the key comes back with another body, even one that was stored under another key."""
    http = plant.http()
    assert post(http, GOOD, **{"Idempotency-Key": "k"}).status_code == 201
    other = {**GOOD, "value": 2}
    assert post(http, other).status_code == 201
    refused = post(http, other, **{"Idempotency-Key": "k"})
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:millrace:problem:idempotency-key-reused"
    as_events = post(http, GOOD, "events", **{"Idempotency-Key": "k"})
    assert as_events.json()["type"] == "urn:millrace:problem:idempotency-key-reused"
    assert rows(plant.engine, "select count(*) from inbox.batches") == [(2,)]


def test_repeat_without_a_key_is_found_among_others_without_one(plant: Any) -> None:
    http = plant.http()
    bodies = [{**GOOD, "value": value} for value in range(3)]
    first = [post(http, body).content for body in bodies]
    assert [post(http, body).content for body in bodies] == first
    assert [post(http, body, **{"Idempotency-Key": "k"}).content for body in bodies[:1]] == first[:1]


def test_keys_of_two_credentials_are_two_keys(plant: Any) -> None:
    assert post(plant.http(), GOOD, **{"Idempotency-Key": "k"}).status_code == 201
    assert post(plant.http(), {**GOOD, "value": 2}, **{"Idempotency-Key": "k"}).status_code == 201


def test_batch_without_times_is_known_by_its_key_alone(plant: Any) -> None:
    """C15: two readings of a device without a clock may look alike and still be two."""
    http = plant.http()
    body = [GOOD, {"equipment_code": "pump-1", "metric": "pressure", "value": 1}]
    assert post(http, body).status_code == 201
    assert post(http, body).status_code == 201
    first = post(http, body, **{"Idempotency-Key": "k"})
    repeat = post(http, body, **{"Idempotency-Key": "k"})
    assert (first.status_code, repeat.status_code) == (201, 200)
    assert repeat.content == first.content
    assert post(http, [*body, GOOD], **{"Idempotency-Key": "k"}).status_code == 422


def test_identical_posts_at_once_are_stored_once(plant: Any) -> None:
    """D2: one is new, the others get its answer; new signals and quarantine included."""
    clients = [plant.http() for _ in range(8)]
    body = [{**GOOD, "metric": f"m{number}"} for number in range(50)] + [{**GOOD, "quality": 2}]
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda http: post(http, body), clients))
    assert sorted(response.status_code for response in responses) == [200] * 7 + [201]
    assert len({response.content for response in responses}) == 1
    assert rows(plant.engine, "select count(*), sum(replay_count) from inbox.batches") == [(1, 7)]
    assert rows(plant.engine, "select count(*) from registry.signals") == [(50,)]
    assert rows(plant.engine, "select count(*) from inbox.quarantine") == [(1,)]


def test_unknown_metric_becomes_an_unreviewed_signal(plant: Any) -> None:
    """D4, in the batch's own transaction, and in the log of changes."""
    assert post(plant.http(), {**GOOD, "metric": "motor/current", "unit_code": "A"}).status_code == 201
    signals = rows(plant.engine, "select equipment_code, metric, unit_code, is_reviewed from registry.signals")
    assert signals == [("pump-1", "motor/current", "A", False)]
    change = plant.client().pull_registry_changes(0)[-1]
    assert (change.entity, change.code) == ("signals", "pump-1/motor/current")
    assert change.payload == {
        "site_code": "demo",
        "equipment_code": "pump-1",
        "metric": "motor/current",
        "unit_code": "A",
        "low_limit": None,
        "high_limit": None,
        "is_reviewed": False,
    }


def test_two_batches_that_bring_one_signal_in_two_units(plant: Any) -> None:
    """The one that comes second is judged by the first, however close they are."""
    clients = [plant.http() for _ in range(6)]

    def push(number: int) -> httpx.Response:
        unit = "bar" if number % 2 else "kPa"
        return post(clients[number], {**GOOD, "metric": "new", "value": number, "unit_code": unit})

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(response.status_code for response in pool.map(push, range(6)))
    assert statuses == [201] * 3 + [422] * 3
    assert rows(plant.engine, "select distinct reason_code from inbox.quarantine") == [("unit_mismatch",)]
    assert rows(plant.engine, "select count(*) from registry.signals") == [(1,)]


def test_registration_by_another_instance_is_known_at_once(plant: Any) -> None:
    """Before an unknown code is quarantined, the registry is looked at again."""
    http = plant.http()
    assert post(http, GOOD).status_code == 201  # fills this instance's cache
    other = type(plant)(plant.database_url, plant.engine)
    with other.running():
        other.key("registry", name="other")
        with httpx.Client(headers={"X-API-Key": other.key("registry", name="another")}) as elsewhere:
            put = elsewhere.put(
                f"{other.url}/api/v1/equipment/pump-7", json={"name": "Seven", "equipment_class": "pump"}
            )
        assert put.status_code == 201
        assert post(http, {**GOOD, "equipment_code": "pump-7"}).status_code == 201


def test_device_clock_ahead_of_ours(plant: Any) -> None:
    """C17, D5: five minutes are forgiven, by the API's clock."""
    now = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
    plant.now = lambda: now
    http = plant.http()
    edge, beyond = "2026-02-06T10:35:00Z", "2026-02-06T10:35:00.000001Z"
    assert post(http, {**GOOD, "event_time": edge}).status_code == 201
    refused = post(http, {**GOOD, "event_time": beyond})
    assert refused.json()["receipt"]["refused"][0]["reason_code"] == "event_time_in_future"


def test_replay_of_a_backlog_is_marked(plant: Any) -> None:
    """C48: store-and-forward replays are told apart."""
    http = plant.http()
    assert http.post("/readings?is_replay=true", json=GOOD).status_code == 201
    assert http.post("/readings", json={**GOOD, "value": 2}).status_code == 201
    assert rows(plant.engine, "select is_replay from inbox.batches order by batch_seq") == [(True,), (False,)]


def test_unregistered_site_keeps_nothing_and_blames_no_batch(api: Any) -> None:
    response = post(api.http(), GOOD)
    assert response.status_code == 403
    assert "PUT /api/v1/sites/demo" in response.json()["detail"]
    assert rows(api.engine, "select 1 from inbox.batches") == []


def test_receipt_of_another_site_is_not_shown(plant: Any) -> None:
    plant.client(site="elsewhere").put("sites", "elsewhere", {"name": "Elsewhere", "time_zone": "UTC"})
    batch_id = receipt(post(plant.http(), GOOD)).batch_id
    assert plant.http(site="elsewhere").get(f"/batches/{batch_id}").status_code == 404
    assert plant.http().get(f"/batches/{UUID(int=7)}").status_code == 404


def test_batches_pushed_at_once_are_each_stored_once_and_repeats_found(plant: Any) -> None:
    """Those that wait together are stored by one statement; a repeat may be in the same one as the first."""
    http = plant.http()
    http.post("/events", json=[EVENT])
    start = datetime(2026, 2, 6, 11, tzinfo=UTC)
    bodies = [
        json.dumps([{**EVENT, "event_time": (start + timedelta(seconds=number)).isoformat()}]).encode()
        for number in range(60)
    ]
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda body: post(http, body, "events"), [body for body in bodies for _ in "123"]))
    for first in range(0, len(answers), 3):
        group = answers[first : first + 3]
        assert sorted(answer.status_code for answer in group) == [200, 200, 201]
        assert len({receipt(answer).batch_id for answer in group}) == 1
    found = rows(plant.engine, "select count(*), count(distinct content_hash), sum(replay_count) from inbox.batches")
    assert found == [(61, 61, 120)]
