"""The database goes away, the disk of an instance is fine: 503 while it lasts, and business as usual after it."""

import socket
from typing import Any

import httpx
import pytest

READING = {"equipment_code": "pump-1", "metric": "pressure", "value": 1, "event_time": "2026-02-06T10:30:00Z"}


def test_database_stops_and_starts(plant: Any, postgres: Any) -> None:
    """C4: 503 with Retry-After; recovers by itself, and what was acknowledged is there."""
    if postgres.server is None:
        pytest.skip("the server named by MILLRACE_TEST_WAREHOUSE_URL is not ours to stop")
    http, client = plant.http(), plant.client()
    assert http.post("/readings", json=READING).status_code == 201
    plant.engine.dispose()
    postgres.server.stop()
    try:
        for _ in range(2):
            response = http.post("/readings", json={**READING, "value": 2})
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) > 0
            assert response.json()["type"] == "urn:millrace:problem:unavailable"
        assert httpx.get(f"{plant.url}/health/ready").status_code == 503
        assert httpx.get(f"{plant.url}/health/live").status_code == 200
        assert not client.is_ready()
    finally:
        postgres.server.start()
    # Connections from before the outage may still be in the pool; the first request finds that out.
    http.post("/readings", json={**READING, "value": 2})
    assert http.post("/readings", json={**READING, "value": 2}).status_code in (200, 201)
    assert client.is_ready()
    assert client.pull("readings", 0).table.column("value").to_pylist() == [1.0, 2.0]


def test_database_that_never_was(plant: Any) -> None:
    """The API starts all the same, says why it cannot, and shows nobody where its database would be."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lonely = type(plant)(f"postgresql://nobody:secret@127.0.0.1:{port}/nothing", plant.engine)
    with lonely.running():
        answer = httpx.get(f"{lonely.url}/health/ready")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert str(port) not in answer.text
        assert "secret" not in answer.text
        push = httpx.post(f"{lonely.url}/api/v1/readings", json=READING, headers={"X-API-Key": "mr_x"})
        assert push.status_code == 503


def test_database_without_tables(postgres: Any, plant: Any) -> None:
    name = "test_empty_for_ingestion_api"
    lonely = type(plant)(postgres.create(name), plant.engine)
    try:
        with lonely.running():
            answer = httpx.get(f"{lonely.url}/health/ready")
            assert answer.status_code == 503
            # What nobody foresaw is a 500 with an id to find it by, and no word of the statement.
            push = httpx.post(f"{lonely.url}/api/v1/readings", json=READING, headers={"X-API-Key": "mr_x"})
            assert push.status_code == 500
            assert push.json()["request_id"] == push.headers["x-request-id"]
            assert push.headers["x-content-type-options"] == "nosniff"
            assert "select" not in push.text
    finally:
        postgres.drop(name)
