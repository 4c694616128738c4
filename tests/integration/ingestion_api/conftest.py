"""A real API on a real port over a fresh database, and keys for it.

`api.url`, `api.key(scopes…)`, `api.http(scopes…)` (an httpx client that carries a key) and `api.client(scopes…)` (the
typed one); `api.now` is the API's clock. `plant` is an API whose registry holds the site `demo`, two pumps, a work unit
and a worker; `shared_plant` is one for a whole module.
"""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from ingestion_api.app import create_app
from ingestion_api.auth import SCOPES, create_key
from ingestion_api.client import IngestionClient
from ingestion_api.server import build_server
from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_engine
from warehouse.migrate import migrate
from warehouse.roles import INGESTION


@pytest.fixture(autouse=True, scope="session")
def _plain_log() -> None:
    """Without this, structlog paints every traceback and all its variables, which takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])


class RunningApi:
    """One instance in a thread of this process."""

    def __init__(self, database_url: str, engine: Engine, **settings: Any) -> None:
        self.database_url = database_url
        self.engine = engine
        self.settings = IngestionApiSettings(database_url=database_url, **settings)
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.url = ""
        self._names = (f"key-{number}" for number in count(1))
        self._clients: list[httpx.Client | IngestionClient] = []

    def key(self, *scopes: str, site: str = "demo", name: str | None = None) -> str:
        """Make an API key; without scopes, one that may do everything by name."""
        with self.engine.begin() as connection:
            return create_key(connection, name or next(self._names), site, scopes or SCOPES[:-1], requests_per_min=0)

    def http(self, *scopes: str, site: str = "demo") -> httpx.Client:
        """Make a client that carries a key of its own."""
        headers = {"Authorization": f"Bearer {self.key(*scopes, site=site)}"}
        self._clients.append(httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30))
        return self._clients[-1]

    def client(self, *scopes: str, site: str = "demo") -> IngestionClient:
        """Make a typed client with a key of its own."""
        self._clients.append(IngestionClient(self.url, self.key(*scopes, site=site)))
        return self._clients[-1]

    @contextmanager
    def running(self) -> Iterator["RunningApi"]:
        """Serve while inside."""
        server = build_server(create_app(self.settings, lambda: self.now()))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                while not server.started:
                    assert thread.is_alive()
                    time.sleep(0.01)
                yield self
            finally:
                for client in self._clients:
                    client.close()
                server.should_exit = True
                thread.join()


@pytest.fixture
def api(api_url: str, api_engine: Engine, as_role: Callable[[str, str], str]) -> Iterator[RunningApi]:
    """An API with an empty registry, by the login that it has when it is deployed."""
    with RunningApi(as_role(INGESTION, api_url), api_engine).running() as running:
        yield running


@pytest.fixture
def plant(api: RunningApi) -> RunningApi:
    """An API that knows the site `demo`, `pump-1`, `pump-2`, the work unit `S3` and the worker `W114`."""
    return _furnished(api)


@pytest.fixture(scope="module")
def shared_plant(postgres: Any, as_role: Callable[[str, str], str]) -> Iterator[RunningApi]:
    """A `plant` that the tests of a module share, because they do not care what is in its inbox."""
    name = f"test_shared_api_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "api")
    engine = create_engine(url)
    with RunningApi(as_role(INGESTION, url), engine).running() as running:
        yield _furnished(running)
    engine.dispose()
    postgres.drop(name)


def _furnished(api: RunningApi) -> RunningApi:
    client = api.client("registry")
    client.put("sites", "demo", {"name": "Demo", "time_zone": "Europe/Berlin"})
    client.put("work_units", "S3", {"name": "Station 3"})
    client.put("workers", "W114", {})
    for code in ("pump-1", "pump-2"):
        client.put("equipment", code, {"name": code, "equipment_class": "pump"})
    return api
