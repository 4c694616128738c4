"""Backfills by Dagster's own command line, over ranges: one run each, safe beside another, and after a kill (D6).

Each launch is a process of its own on a real instance, with the real definitions and dbt (docs/backfill.md).
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance
from random_plant import ZONES, a_plant
from sqlalchemy import Engine, text

from expectations import thresholds
from orchestration.dbt_environment import dbt_environment
from orchestration.manifest import prepare_manifest
from tests.integration.dbt_project.conftest import Dbt
from warehouse.load import load_site

ROOT = Path(__file__).parents[3]
HOURS, DAYS = "tag:hourly", "tag:daily"
HISTORY = ("2026-03-27-00:00", "2026-03-30-23:00")


def _nothing_is_critical(path: Path) -> Path:
    """Thresholds that hold no hour back: chance breaks ours, and what is held is left out (test_gate.py)."""
    lines = [
        f'{{ expectation = "{name}", severity = "warning", reason = "random" }},\n'
        for name, limit in thresholds.read().defaults.items()
        if limit.severity == "critical"
    ]
    path.write_text(f"thresholds = [\n{''.join(lines)}]\n")
    assert thresholds.problem(path) is None
    return path


class Backfills:
    """Launches over ranges of partitions."""

    def __init__(self, home: Path, warehouse_url: str) -> None:
        self.home = home
        self._environment = {
            **os.environ,
            **dbt_environment(warehouse_url),
            "DAGSTER_HOME": str(home),
            "MILLRACE_WAREHOUSE_URL": warehouse_url,
            "MILLRACE_SITES": json.dumps(dict.fromkeys(ZONES, "http://127.0.0.1:1")),
            "MILLRACE_EXPECTATIONS_DATA_DOCS_DIR": str(home / "data_docs"),
            "MILLRACE_EXPECTATIONS_THRESHOLDS": str(_nothing_is_critical(home / "thresholds.toml")),
            "PYTHONWARNINGS": "ignore",
        }

    def begin(self, assets: str, first: str, last: str) -> subprocess.Popen[bytes]:
        """Start a launch, as docs/backfill.md says."""
        command = [str(Path(sys.executable).with_name("dg")), "launch", "--assets", assets]
        with (self.home / "launches.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--partition-range", f"{first}...{last}"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def launch(self, assets: str, first: str, last: str) -> None:
        """Launch and wait for success."""
        assert self.begin(assets, first, last).wait(900) == 0, self.said()

    def said(self) -> str:
        """The errors that the launches printed."""
        lines = (self.home / "launches.log").read_text().splitlines()
        return "\n".join(line for line in lines if " - DEBUG - " not in line)[-5000:]

    def runs(self) -> list[dg.DagsterRun]:
        """Every run, the oldest first."""
        with DagsterInstance.from_config(str(self.home)) as instance:
            return list(reversed(instance.get_runs()))


@pytest.fixture
def backfills(tmp_path: Path, warehouse_url: str) -> Backfills:
    prepare_manifest()
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return Backfills(tmp_path, warehouse_url)


@pytest.fixture
def dbt(warehouse_url: str, tmp_path: Path) -> Iterator[Dbt]:
    session = Dbt(warehouse_url, tmp_path / "dbt")
    yield session
    session.close()


def built(engine: Engine) -> dict[str, list[str]]:
    """Every table of the marts, bit by bit."""
    with engine.connect() as connection:
        tables = connection.scalars(text("select tablename from pg_tables where schemaname = 'marts' order by 1")).all()
        query = "select t::text from marts.{} as t order by 1"
        return {table: list(connection.scalars(text(query.format(table)))) for table in tables}


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline, f"{what} took too long"
        time.sleep(0.05)


def test_backfills_cover_a_range_in_one_run_beside_each_other_and_after_a_kill(
    warehouse_engine: Engine, backfills: Backfills, dbt: Dbt
) -> None:
    inboxes, later = a_plant(random.Random(5))
    for inbox in inboxes:
        load_site(warehouse_engine, inbox, inbox.site_code)

    # A first build, dimensions included, that is killed halfway. Its dbt is not: it goes on beside the next ones.
    killed = backfills.begin(HOURS, *HISTORY)
    working = text("""
        select exists (
            select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
            and state <> 'idle' and query ilike '%int_states_resolved%'
        )
    """)

    def is_at_work() -> bool:
        with warehouse_engine.connect() as connection:
            return bool(connection.scalar(working))

    until(is_at_work, "the start of the first model")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    # Meanwhile more arrives, and two backfills that overlap each other take it in.
    for inbox, kind, items in later:
        if kind == "alarms":
            inbox.add_alarm_changes(items)
        else:
            inbox.add(kind, items)
    for inbox in inboxes:
        load_site(warehouse_engine, inbox, inbox.site_code)
    both = [
        backfills.begin(HOURS, HISTORY[0], "2026-03-29-12:00"),
        backfills.begin(HOURS, "2026-03-28-20:00", HISTORY[1]),
    ]
    assert [one.wait(900) for one in both] == [0, 0], backfills.said()
    backfills.launch(DAYS, "2026-03-26", "2026-03-31")

    runs = backfills.runs()
    assert [run.status for run in runs[1:]] == [dg.DagsterRunStatus.SUCCESS] * 3
    assert runs[0].status != dg.DagsterRunStatus.SUCCESS
    ranges = {
        (run.tags["dagster/asset_partition_range_start"], run.tags["dagster/asset_partition_range_end"]) for run in runs
    }
    assert ranges == {
        HISTORY,
        (HISTORY[0], "2026-03-29-12:00"),
        ("2026-03-28-20:00", HISTORY[1]),
        ("2026-03-26", "2026-03-31"),
    }
    pending = "select count(*) from raw.touched_hours where rolled_up_count < touch_count and hour < '2026-03-31'"
    with warehouse_engine.connect() as connection:
        assert connection.scalar(text(pending)) == 0, "backfilled hours are settled"
    by_ranges = built(warehouse_engine)
    # The health of equipment is as of now: no backfill builds it, but the clock does.
    dbt("run", "--full-refresh", "--exclude", "tag:health")
    at_once = built(warehouse_engine)
    assert [table for table in at_once if at_once[table] != by_ranges[table]] == []
