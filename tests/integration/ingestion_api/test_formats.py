"""Every body format over HTTP, up to the page that the warehouse pulls; encodings, aliases and InfluxDB's clients."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow as pa
import pytest
import zstandard
from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS

TIME = "2026-02-06T10:30:00Z"
SECONDS = int(datetime.fromisoformat(TIME).timestamp())


def arrow_body() -> bytes:
    row = {
        "equipment_code": "pump-1",
        "metric": "flow",
        "value": 1.5,
        "event_time": datetime.fromtimestamp(SECONDS, UTC),
    }
    batch = pa.RecordBatch.from_pylist([row])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


READING = {"equipment_code": "pump-1", "metric": "flow", "value": 1.5, "event_time": TIME}
BODIES: dict[str, Callable[[], bytes]] = {
    "application/json": lambda: json.dumps([READING]).encode(),
    "application/x-ndjson": lambda: json.dumps(READING).encode() + b"\n",
    "application/senml+json": lambda: json.dumps([{"n": "pump-1/flow", "v": 1.5, "t": SECONDS}]).encode(),
    "text/csv": lambda: f"equipment_code,event_time,flow\r\npump-1,{TIME},1.5\r\n".encode(),
    "application/vnd.apache.arrow.stream": arrow_body,
}


def page(api: Any, kind: str = "readings") -> list[dict[str, Any]]:
    """Pull what the warehouse would."""
    answer = api.http("pull").get("/batches", params={"kind": kind})
    assert answer.status_code == 200
    rows: list[dict[str, Any]] = pa.ipc.open_stream(answer.content).read_all().to_pylist()
    return rows


def root(api: Any, *scopes: Any) -> httpx.Client:
    """Make a client for paths outside /api/v1."""
    client: httpx.Client = api.http(*scopes)
    client.base_url = httpx.URL(api.url)
    return client


def test_every_format_reaches_the_page_alike(plant: Any) -> None:
    for media_type, body in BODIES.items():
        answer = plant.http("push_readings").post("/readings", content=body(), headers={"Content-Type": media_type})
        assert answer.status_code == 201, (media_type, answer.text)
    answer = root(plant, "push_readings").post(
        "/api/v2/write", params={"precision": "s"}, content=f"flow,equipment=pump-1 value=1.5 {SECONDS}"
    )
    assert answer.status_code == 204
    rows = page(plant)
    assert len(rows) == len(BODIES) + 1
    told = {(row["equipment_code"], row["metric"], row["value"], row["event_time"]) for row in rows}
    assert told == {("pump-1", "flow", 1.5, datetime.fromisoformat(TIME))}


WIDE = {
    "Motor_RPM": 1480,
    "Bearing_Temperature_C": 72.5,
    "Oil_Pressure_bar": 4.2,
    "Vibration_mm_s": 2.8,
    "Flow_Rate_L_min": 145.3,
    "Suction_Pressure_bar": 1.8,
    "Discharge_Pressure_bar": 6.5,
    "Motor_Current_A": 28.4,
    "Casing_Temperature_C": 58.2,
    "Ambient_Temperature_C": 25.1,
}


def test_the_pump_document_s_body_on_its_path(plant: Any) -> None:
    """S2-003, S2-005..014, C7, C15: ten readings with the server's time, twice as many when it comes twice."""
    for _ in range(2):
        answer = root(plant, "push_readings").post("/api/ingest", params={"equipment_code": "pump-1"}, json=WIDE)
        assert answer.status_code == 201
        assert answer.json()["accepted"] == 10
        assert answer.headers["Link"] == '</api/v1/readings>; rel="successor-version"'
    rows = page(plant)
    assert len(rows) == 20
    assert all(row["is_server_time"] and row["equipment_code"] == "pump-1" for row in rows)
    assert {row["metric"]: (row["value"], row["unit_code"]) for row in rows}["vibration"] == (2.8, "mm/s")


FACTORY = {
    "timestamp": TIME,
    "worker_id": "W114",
    "workstation_id": "S3",
    "event_type": "working",
    "duration_seconds": 1800,
    "units_produced": 45,
}


@pytest.mark.parametrize(
    ("path", "status"), [("/events/", 201), ("/events", 201), ("/api/events", 202), ("/api/events/batch", 200)]
)
def test_the_factory_document_s_event_on_every_path(plant: Any, path: str, status: int) -> None:
    """S3-009, S3-010, S1-048, S1-052, C13: the event's source is the key that sent it."""
    answer = root(plant, "push_events").post(path, json=FACTORY)
    assert answer.status_code == status
    assert answer.json()["accepted"] == 1
    assert answer.json().get("status") == ("queued" if status == 202 else None)
    (row,) = page(plant, "events")
    assert row["source_code"].startswith("key-")
    assert (row["worker_code"], row["work_unit_code"]) == ("W114", "S3")
    assert (row["duration_s"], row["units_produced"]) == (1800, 45)


def test_same_event_of_two_cameras_is_two_events(plant: Any) -> None:
    for status in (201, 201):
        assert root(plant, "push_events").post("/events", json=FACTORY).status_code == status
    assert len({row["source_code"] for row in page(plant, "events")}) == 2


def test_atomic_batch_is_stored_whole_or_not_at_all(plant: Any) -> None:
    """C4."""
    http = plant.http("push_readings", "read")
    body = [READING, {**READING, "equipment_code": "nobody"}]
    answer = http.post("/readings", params={"atomic": "true"}, json=body)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:millrace:problem:batch-refused"
    assert http.get("/quarantine").json()["items"] == []
    assert page(plant) == []


def test_quarantined_items_of_every_format_are_released(plant: Any) -> None:
    for media_type, body in BODIES.items():
        content = body().replace(b"pump-1", b"pump-7")
        plant.http("push_readings").post("/readings", content=content, headers={"Content-Type": media_type})
    root(plant, "push_readings").post("/write", content=f"flow,host=pump-7 value=1.5 {SECONDS}000000000")
    plant.client("registry").put("equipment", "pump-7", {"name": "7", "equipment_class": "pump"})
    done = plant.http("registry").post("/quarantine/release", json={"reason_code": "unknown_equipment"}).json()
    assert (done["released"], done["refused"]) == (6, [])
    told = {(row["equipment_code"], row["metric"], row["value"], row["event_time"]) for row in page(plant)}
    assert told == {("pump-7", "flow", 1.5, datetime.fromisoformat(TIME))}


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_compressed_bodies(plant: Any, encoding: str, compress: Callable[[bytes], bytes]) -> None:
    http = plant.http("push_readings")
    headers = {"Content-Encoding": encoding}
    body = compress(json.dumps([READING]).encode())
    assert http.post("/readings", content=body, headers=headers).status_code == 201
    assert http.post("/readings", content=body[:-3], headers=headers).status_code == 400
    assert http.post("/readings", content=b"?" + body, headers=headers).status_code == 400
    bomb = compress(b"[" + b" " * 200_000_000)
    assert http.post("/readings", content=bomb, headers=headers).status_code == 413
    several = {"Content-Encoding": f"{encoding}, {encoding}"}
    assert http.post("/readings", content=body, headers=several).status_code == 415


def test_influxdb_client_pushes_unchanged(plant: Any) -> None:
    with InfluxDBClient(url=plant.url, token=plant.key("push_readings"), org="o", enable_gzip=True) as client:
        assert client.ping()
        points = [
            Point("pump").tag("equipment", "pump-1").field("flow", 1.5).field("on", value=True).time(SECONDS + second)
            for second in range(3)
        ]
        for point in points:
            point._write_precision = WritePrecision.S
        client.write_api(write_options=SYNCHRONOUS).write("b", record=points)
    rows = page(plant)
    assert len(rows) == 6
    assert {(row["metric"], row["value"]) for row in rows} == {("pump_flow", 1.5), ("pump_on", 1.0)}


def test_telegraf_s_requests_of_both_versions(plant: Any) -> None:
    """As outputs.influxdb and outputs.influxdb_v2 send them: CREATE DATABASE, then gzipped lines."""
    key = plant.key("push_readings")
    lines = b"cpu,cpu=cpu0,host=pump-1 usage_idle=99.5,usage_user=0.5 1770373800000000000\n"
    basic = {"Authorization": "Basic " + base64.b64encode(f"telegraf:{key}".encode()).decode()}
    text = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip", "User-Agent": "Telegraf/1.38"}
    with httpx.Client(base_url=plant.url) as http:
        created = http.post("/query", data={"q": 'CREATE DATABASE "telegraf"'}, headers=basic)
        assert created.json() == {"results": [{"statement_id": 0}]}
        params = {"db": "telegraf"}
        body = gzip.compress(lines)
        assert http.post("/write", params=params, content=body, headers={**basic, **text}).status_code == 204
        # What it sends again is stored once.
        assert http.post("/write", params=params, content=body, headers={**basic, **text}).status_code == 204
        v2 = {"Authorization": f"Token {key}", **text}
        more = gzip.compress(lines.replace(b"3800", b"3900", 1))
        params = {"bucket": "b", "org": "o"}
        assert http.post("/api/v2/write", params=params, content=more, headers=v2).status_code == 204
        assert http.post("/write", params={"p": key}, content=lines.replace(b"99.5", b"98.5")).status_code == 204
        refused = http.post("/api/v2/write", content=lines, headers={"Authorization": "Token mr_wrong"})
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert refused.json()["message"] == refused.json()["error"]
    assert {row["metric"] for row in page(plant)} == {"cpu_usage_idle{cpu=cpu0}", "cpu_usage_user{cpu=cpu0}"}
    assert len(page(plant)) == 6


def test_telegraf_s_batch_of_more_readings_than_one_holds(plant: Any) -> None:
    """C5: its default of 1,000 lines of several fields would be a 413, which its first version drops."""
    lines = "\n".join(f"m,host=pump-1 a={n},b={n},c={n} {SECONDS + n}" for n in range(1_000))
    answer = root(plant, "push_readings").post("/write", params={"precision": "s"}, content=lines)
    assert answer.status_code == 204
    assert len(page(plant)) == 3_000


def test_nothing_acceptable_is_stored_and_not_sent_again(plant: Any) -> None:
    answer = root(plant, "push_readings").post("/write", content='m,host=pump-1 a="text"')
    assert answer.status_code == 204
    (item,) = plant.http("read").get("/quarantine").json()["items"]
    assert item["item"] == 'm,host=pump-1 a="text"'
