"""Who needs no key, and whose pages may call."""

from typing import Any

import httpx
import pytest

from ingestion_api.app import create_app
from ingestion_api.errors import DemoModeExposed
from ingestion_api.settings import IngestionApiSettings

READING = {"equipment_code": "pump-1", "metric": "pressure", "value": 1}


def test_demo_mode_lets_anybody_here_push_and_read_one_site_and_no_more(plant: Any) -> None:
    """C38."""
    demo = type(plant)(plant.database_url, plant.engine, demo_mode=True, unauthenticated_per_min=8)
    with demo.running(), httpx.Client(base_url=f"{demo.url}/api/v1") as http:
        assert http.post("/readings", json=READING).status_code == 201
        assert http.get("/cursors").status_code == 200
        assert http.put("/equipment/pump-9", json={}).status_code == 403
        assert http.get("/batches?kind=readings").status_code == 403
        assert http.get("/cursors", headers={"X-API-Key": "mr_wrong"}).status_code == 401
        assert http.get("/cursors", headers={"Origin": "https://evil.example"}).status_code == 401
        assert http.get("/cursors", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 401
        assert [http.get("/cursors").status_code for _ in range(5)] == [200] * 4 + [429]
    assert httpx.post(f"{plant.url}/api/v1/readings", json=READING).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "plant.example"])  # noqa: S104 that is the point
def test_demo_mode_beyond_loopback_does_not_start(api_url: str, host: str) -> None:
    with pytest.raises(DemoModeExposed, match="MILLRACE_API_DEMO_MODE"):
        create_app(IngestionApiSettings(database_url=api_url, host=host, demo_mode=True))


def test_pages_of_named_origins_alone_may_call(plant: Any) -> None:
    """S1-066, S3-046: a preflight is answered before anything else is looked at."""
    ours, theirs = "https://live.plant.example", "https://evil.example"
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-API-Key"}
    with type(plant)(plant.database_url, plant.engine, cors_origins=ours).running() as api:
        url = f"{api.url}/api/v1/readings"
        allowed = httpx.options(url, headers={"Origin": ours, **ask})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ours)
        assert allowed.headers["x-content-type-options"] == "nosniff"
        refused = httpx.options(url, headers={"Origin": theirs, **ask})
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
        answer = httpx.post(url, json=READING, headers={"Origin": ours})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == ours
    assert "access-control-allow-origin" not in httpx.get(plant.url, headers={"Origin": ours}).headers


@pytest.mark.parametrize("origins", ["*", "plant.example", "https://plant.example/path", "https://*.example"])
def test_origins_are_named_one_by_one(origins: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        IngestionApiSettings(cors_origins=origins)
