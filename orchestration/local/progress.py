"""Where the platform stands: what is sent, stored, loaded, pending and running.

Figures only; nothing is changed here.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from orchestration.pending import newest_promotions, unanswered_episodes
from warehouse import tables
from warehouse.engine import create_engine
from warehouse.ledger import Consumer, pending_ranges

HOUR = timedelta(hours=1)

ACTIVE_RUNS = """{ runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED]}) {
  ... on Runs { results { jobName } } } }"""
FAILED_RUNS = "{ runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { jobName runId } } } }"
CHECKS = """{ assetNodes { assetChecksOrError { ... on AssetChecks { checks { name
  executionForLatestMaterialization { status evaluation { success severity } } } } } } }"""


@dataclass(frozen=True)
class Inbox:
    """Sums over the API's inbox."""

    batches: int
    accepted: int
    quarantined: int
    released: int
    heads: Mapping[str, int]


@dataclass(frozen=True)
class Loaded:
    """Sums over the warehouse's ledger, and the rows that are really there."""

    inserted: int
    revised: int
    duplicates: int
    rows: int
    positions: Mapping[str, int]


@dataclass(frozen=True)
class Work:
    """What Dagster still has to do, and what came of its models."""

    hours_to_roll_up: int
    hours_to_summarize: int
    active_jobs: tuple[str, ...]
    champion_version: int | None
    scored: int
    open_episodes: int


@dataclass(frozen=True)
class State:
    """Everything at one moment."""

    edge: Mapping[str, Any]
    inbox: Inbox
    loaded: Loaded
    work: Work

    @property
    def is_worked_off(self) -> bool:
        """Whether all that was stored is loaded, rolled up, summarized and scored, and each drift episode answered."""
        behind = any(self.loaded.positions.get(kind, 0) < head for kind, head in self.inbox.heads.items())
        left = self.work.hours_to_roll_up + self.work.hours_to_summarize + self.work.open_episodes
        is_unscored = self.work.champion_version is not None and self.work.scored == 0
        return not (behind or left or self.work.active_jobs or is_unscored)

    def line(self) -> str:
        """The state in one line."""
        jobs = ", ".join(sorted(set(self.work.active_jobs))) or "idle"
        champion = f"champion v{self.work.champion_version}" if self.work.champion_version else "no champion yet"
        stored = self.inbox.accepted + self.inbox.quarantined
        loaded = self.loaded.inserted + self.loaded.revised + self.loaded.duplicates
        return (
            f"sent {self.edge['sent']:,} of {self.edge['collected']:,} | stored {stored:,} | loaded {loaded:,} | "
            f"hours to roll up {self.work.hours_to_roll_up}, to summarize {self.work.hours_to_summarize} | "
            f"{champion}, {self.work.scored:,} scores | {jobs}"
        )


class Progress:
    """Reads the state of one platform.

    Args:
        environment: The environment its processes got; the addresses are taken from it.
        dagster_url: Base URL of the Dagster webserver.
    """

    def __init__(self, environment: Mapping[str, str], dagster_url: str) -> None:
        self._environment = environment
        self._graphql = f"{dagster_url}/graphql"
        self.warehouse = create_engine(environment["MILLRACE_WAREHOUSE_URL"])
        self._api = create_engine(environment["MILLRACE_API_DATABASE_URL"])
        self._final_edge: Mapping[str, Any] | None = None

    def close(self) -> None:
        """Close the connections."""
        self.warehouse.dispose()
        self._api.dispose()

    def read(self) -> State:
        """Read everything.

        Raises:
            SQLAlchemyError: A database is down.
            httpx.HTTPError: The Dagster webserver does not answer.
            subprocess.CalledProcessError: The edge client cannot read its spool.
        """
        return State(self._edge(), self._inbox(), self._loaded(), self._work())

    def _edge(self) -> Mapping[str, Any]:
        if self._final_edge is not None:
            return self._final_edge
        command = [sys.executable, "-m", "edge_client", "status", "--json"]
        answer = subprocess.run(command, env=dict(self._environment), capture_output=True, check=True)
        status: dict[str, Any] = json.loads(answer.stdout)
        if status["is_finished"] and not status["pending"]:
            # Nothing is added any more, and asking costs a process.
            self._final_edge = status
        return status

    def _inbox(self) -> Inbox:
        batch = tables.inbox_batches.c
        logs = {"registry": tables.registry_changes, "alarms": tables.alarm_changes}
        pushed, released = batch.origin == "push", batch.origin == "release"
        sums = (
            func.count().filter(pushed),
            func.coalesce(func.sum(batch.accepted_count).filter(pushed), 0),
            func.coalesce(func.sum(batch.quarantined_count).filter(pushed), 0),
            func.coalesce(func.sum(batch.accepted_count).filter(released), 0),
        )
        with self._api.connect() as connection:
            row = connection.execute(select(*sums).select_from(tables.inbox_batches)).one()
            heads = _highest(connection, batch.kind, batch.batch_seq)
            for kind, log in logs.items():
                heads[kind] = connection.execute(select(func.max(log.c.change_seq))).scalar() or 0
        return Inbox(int(row[0]), int(row[1]), int(row[2]), int(row[3]), heads)

    def _loaded(self) -> Loaded:
        batch, cursor = tables.batches.c, tables.cursors.c
        counts = (batch.inserted_count, batch.revised_count, batch.duplicate_count)
        rows = (select(func.count()).select_from(table).scalar_subquery() for table in (tables.readings, tables.events))
        with self.warehouse.connect() as connection:
            sums = connection.execute(select(*(func.coalesce(func.sum(count), 0) for count in counts))).one()
            row_count = sum(int(count) for count in connection.execute(select(*rows)).one())
            positions = _highest(connection, cursor.kind, cursor.position)
        return Loaded(int(sums[0]), int(sums[1]), int(sums[2]), row_count, positions)

    def _work(self) -> Work:
        champions = [made for made in newest_promotions(self.warehouse) if made.since is None]
        score = tables.scores.c
        by_champions = tuple_(score.model_name, score.model_version).in_(
            [(made.model_name, made.version) for made in champions]
        )
        with self.warehouse.connect() as connection:
            scored = connection.execute(select(func.count()).where(by_champions)).scalar_one()
        return Work(
            hours_to_roll_up=self._pending_hours("rolled_up"),
            hours_to_summarize=self._pending_hours("summarized"),
            active_jobs=tuple(run["jobName"] for run in self._ask(ACTIVE_RUNS)["runsOrError"]["results"]),
            champion_version=max((made.version for made in champions), default=None),
            scored=scored,
            open_episodes=len(unanswered_episodes(self.warehouse)),
        )

    def _pending_hours(self, consumer: Consumer) -> int:
        return sum((part.end - part.start) // HOUR for part in pending_ranges(self.warehouse, consumer))

    def failed_runs(self) -> list[dict[str, str]]:
        """Runs that failed: job name and run id."""
        results: list[dict[str, str]] = self._ask(FAILED_RUNS)["runsOrError"]["results"]
        return results

    def checks(self) -> tuple[int, list[str]]:
        """How many asset checks passed when they last ran, and the names of those that failed, warnings as such."""
        nodes = self._ask(CHECKS)["assetNodes"]
        checks = [check for node in nodes for check in node["assetChecksOrError"].get("checks", [])]
        ran = {check["name"]: check["executionForLatestMaterialization"] for check in checks}
        passed = [name for name, run in ran.items() if run and (run["evaluation"] or {}).get("success")]
        failed = [
            f"{name} (warning)" if (run["evaluation"] or {}).get("severity") == "WARN" else name
            for name, run in ran.items()
            if run and name not in passed
        ]
        return len(passed), sorted(failed)

    def _ask(self, query: str) -> dict[str, Any]:
        """Ask Dagster's GraphQL endpoint.

        Raises:
            httpx.HTTPError: The webserver does not answer.
        """
        answer = httpx.post(self._graphql, json={"query": query}, timeout=30, trust_env=False).raise_for_status().json()
        data: dict[str, Any] = answer["data"]
        return data


def _highest(connection: Connection, kind: ColumnElement[Any], position: ColumnElement[Any]) -> dict[str, int]:
    """The highest position of each kind."""
    rows = connection.execute(select(kind, func.max(position)).group_by(kind)).all()
    return {str(row[0]): int(row[1]) for row in rows}
