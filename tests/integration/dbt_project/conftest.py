"""dbt on a real warehouse: a session that parses once, and a plant that is built once for all tests of the marts."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from plant import fill
from sqlalchemy import Connection, Engine, make_url, text

from warehouse.engine import create_engine
from warehouse.migrate import migrate

SESSION = Path(__file__).parent / "dbt_session.py"


@dataclass(frozen=True)
class Outcome:
    """What a dbt command came to."""

    is_success: bool
    messages: list[str]
    count: int


class Dbt:
    """A dbt session on one warehouse."""

    def __init__(self, url: str, scratch: Path) -> None:
        target = make_url(url)
        self._process = subprocess.Popen(
            [sys.executable, str(SESSION), str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "MILLRACE_DBT_HOST": str(target.host),
                "MILLRACE_DBT_PORT": str(target.port),
                "MILLRACE_DBT_USER": str(target.username),
                "MILLRACE_DBT_PASSWORD": str(target.password),
                "MILLRACE_DBT_DATABASE": str(target.database),
            },
        )

    def begin(self, command: str, *args: str, **variables: object) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, *args, "--vars", json.dumps(variables, default=str)]) + "\n")
        self._process.stdin.flush()

    def end(self) -> Outcome:
        """Wait for the answer to the command that was sent."""
        assert self._process.stdout is not None
        return Outcome(**json.loads(self._process.stdout.readline()))

    def attempt(self, command: str, *args: str, **variables: object) -> Outcome:
        """Run a command, whatever comes of it."""
        self.begin(command, *args, **variables)
        return self.end()

    def __call__(self, command: str, *args: str, **variables: object) -> Outcome:
        """Run a command that must succeed and do something."""
        outcome = self.attempt(command, *args, **variables)
        assert outcome.is_success and not outcome.messages, outcome.messages
        assert outcome.count > 0
        return outcome

    def close(self) -> None:
        """End the session."""
        self._process.communicate(timeout=60)


@pytest.fixture(scope="session")
def start_dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Dbt]]:
    """Starts a dbt session on the warehouse of a URL, with its seeds: `dbt run` builds none, and views read them."""
    sessions: list[Dbt] = []

    def start(url: str, *, with_seeds: bool = True) -> Dbt:
        sessions.append(Dbt(url, tmp_path_factory.mktemp("dbt")))
        if with_seeds:
            sessions[-1]("seed")
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


Snapshot = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Connection], Snapshot]:
    """Reads every table that dbt built, bit by bit, by name."""

    def read(connection: Connection) -> Snapshot:
        tables = connection.scalars(
            text("""
                select format('%I.%I', schemaname, tablename) from pg_tables
                where schemaname in ('intermediate', 'marts') order by 1
            """)
        ).all()
        # As text floats show every bit, and 1.50 is not 1.5.
        query = "select t::text from {} as t order by 1"
        return {table: list(connection.scalars(text(query.format(table)))) for table in tables}

    return read


@pytest.fixture(scope="module")
def own_url(postgres: Any) -> Iterator[str]:
    """A migrated warehouse for the tests of one module."""
    name = f"test_own_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    yield url
    postgres.drop(name)


@pytest.fixture(scope="module")
def own_engine(own_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Engine on it, filled by the module's `fill`."""
    engine = create_engine(own_url)
    with engine.begin() as connection:
        request.module.fill(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def plant_url(postgres: Any) -> Iterator[str]:
    """A migrated warehouse that holds the plant of plant.py."""
    name = f"test_plant_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    yield url
    postgres.drop(name)


@pytest.fixture(scope="session")
def engine(plant_url: str) -> Iterator[Engine]:
    """Engine on the plant's warehouse. Who writes there takes it away again: every test of the marts reads it."""
    engine = create_engine(plant_url)
    with engine.begin() as connection:
        fill(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def dbt(plant_url: str, engine: Engine, start_dbt: Callable[[str], Dbt]) -> Dbt:
    """A dbt session on the plant, after `dbt build` with all its tests."""
    dbt = start_dbt(plant_url)
    dbt("build")
    return dbt


@pytest.fixture
def rows(engine: Engine, dbt: Dbt) -> Callable[[str], list[dict[str, Any]]]:
    """Answers a query on the plant's marts."""

    def rows(query: str) -> list[dict[str, Any]]:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    return rows
