"""Fixtures of every integration test: one real PostgreSQL a session, a fresh migrated database a test.

| fixture | scope | gives |
|---|---|---|
| `postgres` | session | `PostgresForTests`: `.url(database)`, `.create(name, template=None)`, `.drop(name)` |
| `warehouse_url`, `warehouse_engine` | test | a fresh, migrated warehouse, dropped afterwards |
| `api_url`, `api_engine` | test | a fresh, migrated database of the ingestion API, dropped afterwards |
| `community_engine` | test | a fresh warehouse on `MILLRACE_TEST_TIMESCALE_URL`; skips where that is not set |
| `as_role` | session | `as_role("millrace_ml", url)`: the URL of a database by the login of a package |
| `free_port` | test | a TCP port on loopback that nobody used a moment ago; `module_ports`: two, for a module |

The server is the embedded one, on a free port, in a directory of its own; `MILLRACE_TEST_WAREHOUSE_URL` names another
(any database on it; the role must be allowed to create databases), or one for each of several workers, as roles belong
to a server. A fresh database is a copy of a migrated template
and costs tenths of a second. Everything below tests/integration bears the marker `integration`.
"""

import os
import random
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, make_url, text

from warehouse import roles
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.migrate import Branch, migrate
from warehouse.timescale import capabilities

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


class PostgresForTests:
    """A server on which tests make and drop databases. `server` is None where the environment names the server."""

    def __init__(self, url: str, server: EmbeddedPostgres | None) -> None:
        self.server = server
        self._url = make_url(url)
        self._admin = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database, password included."""
        return self._url.set(database=database).render_as_string(hide_password=False)

    def create(self, name: str, template: str | None = None) -> str:
        """Create a database, empty or as a copy, and return its URL."""
        # Copied block by block through the log: no checkpoint of the whole server for each test.
        copy = f' template "{template}" strategy wal_log' if template else ""
        with self._admin.connect() as connection:
            connection.execute(text(f'create database "{name}"{copy}'))
        return self.url(name)

    def seal(self, name: str) -> None:
        """Keep a database as a template: TimescaleDB's scheduler is connected to it, and none can be copied then."""
        with self._admin.connect() as connection:
            connection.execute(text(f'alter database "{name}" with allow_connections false'))
            others = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = :name"
            connection.execute(text(others), {"name": name})

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        with self._admin.connect() as connection:
            connection.execute(text(f'drop database if exists "{name}" with (force)'))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresForTests]:
    """The server of this session."""
    named = os.environ.get("MILLRACE_TEST_WAREHOUSE_URL", "").split()
    if named:
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        assert worker < len(named), f"MILLRACE_TEST_WAREHOUSE_URL names no server for worker {worker}"
        yield PostgresForTests(named[worker], None)
        return
    # Nothing here needs to outlive the machine, and fsync is most of what a test costs.
    unsafe = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), _free_port(), parameters=unsafe)
    server.start()
    try:
        yield PostgresForTests(server.url("postgres"), server)
    finally:
        server.remove()


@pytest.fixture(scope="session")
def _templates(postgres: PostgresForTests) -> Iterator[dict[Branch, str]]:
    names: dict[Branch, str] = {}
    branches: tuple[Branch, ...] = ("api", "warehouse")
    for branch in branches:
        names[branch] = f"template_{branch}_{uuid.uuid4().hex[:12]}"
        migrate(postgres.create(names[branch]), branch)
        postgres.seal(names[branch])
    yield names
    for name in names.values():
        postgres.drop(name)


@pytest.fixture
def fresh_database(postgres: PostgresForTests, _templates: dict[Branch, str]) -> Iterator[Callable[[Branch], str]]:
    """Makes as many fresh, migrated databases as a test wants: `fresh_database("api")` returns a URL."""
    made: list[str] = []

    def make(branch: Branch) -> str:
        made.append(f"test_{branch}_{uuid.uuid4().hex[:12]}")
        return postgres.create(made[-1], _templates[branch])

    yield make
    for name in made:
        postgres.drop(name)


@pytest.fixture
def warehouse_url(fresh_database: Callable[[Branch], str]) -> str:
    """URL of a fresh, migrated warehouse."""
    return fresh_database("warehouse")


@pytest.fixture
def api_url(fresh_database: Callable[[Branch], str]) -> str:
    """URL of a fresh, migrated database of the ingestion API."""
    return fresh_database("api")


@pytest.fixture
def warehouse_engine(warehouse_url: str) -> Iterator[Engine]:
    """Engine on `warehouse_url`."""
    engine = create_engine(warehouse_url)
    yield engine
    engine.dispose()


@pytest.fixture
def api_engine(api_url: str) -> Iterator[Engine]:
    """Engine on `api_url`."""
    engine = create_engine(api_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _community() -> PostgresForTests:
    named = os.environ.get("MILLRACE_TEST_TIMESCALE_URL")
    if not named:
        pytest.skip("needs community TimescaleDB: set MILLRACE_TEST_TIMESCALE_URL to a server that has it")
    return PostgresForTests(named, None)


@pytest.fixture
def community_engine(_community: PostgresForTests) -> Iterator[Engine]:
    """Engine on a fresh, migrated warehouse of a community TimescaleDB."""
    name = f"test_community_{uuid.uuid4().hex[:12]}"
    url = _community.create(name)
    try:
        migrate(url, "warehouse")
        engine = create_engine(url)
        with engine.connect() as connection:
            assert capabilities(connection).has_compression, f"{url} is not a community TimescaleDB"
        yield engine
        engine.dispose()
    finally:
        _community.drop(name)


@pytest.fixture(scope="session")
def as_role(postgres: PostgresForTests, _templates: dict[Branch, str]) -> Callable[[str, str], str]:
    """The URL of a database by the login of a package, with the rights that the package has when it is deployed."""
    password = roles.new_password()
    urls = {
        branch: postgres.create(f"test_roles_{branch}_{uuid.uuid4().hex[:12]}", _templates[branch])
        for branch in _templates
    }
    roles.enable_logins(dict(urls), dict.fromkeys(roles.PACKAGES, password))
    for url in urls.values():
        postgres.drop(str(make_url(url).database))

    def change(role: str, url: str) -> str:
        return make_url(url).set(username=role, password=password).render_as_string(hide_password=False)

    return change


@pytest.fixture
def free_port() -> int:
    """A TCP port on loopback that nobody used a moment ago."""
    return _free_port()


@pytest.fixture(scope="module")
def module_ports() -> tuple[int, int]:
    """As `free_port`, for two servers of a whole module."""
    first = _free_port()
    return first, _free_port(unlike=first)


def _free_port(unlike: int | None = None) -> int:
    # Below the ports that the system hands out to outgoing connections, which would take it between two starts.
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        if port == unlike:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
