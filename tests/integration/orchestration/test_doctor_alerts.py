"""A line of the doctor that failed is told of like any failed run; warnings are not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import filter_runs_to_should_retry
from sqlalchemy import text

from ingestion_api.client import IngestionClient
from orchestration.alerts import Alerts
from orchestration.defs.alerts import SETTLES, look
from orchestration.defs.backup import base_backups
from orchestration.doctor.examination import LINES
from orchestration.doctor.finding import Clocks, Patient
from orchestration.doctor.queues import batches_are_loaded
from orchestration.settings import OrchestrationSettings
from warehouse.engine import create_engine
from warehouse.load import load_site

STORED = {True: AssetCheckExecutionRecordStatus.SUCCEEDED, False: AssetCheckExecutionRecordStatus.FAILED}


@pytest.fixture
def surroundings(plant: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: int) -> pytest.MonkeyPatch:
    """Nothing of this machine's fails: data are here, and no port is another's."""
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    for name in ("API", "MLFLOW", "DAGSTER", "DATA_DOCS", "CODE_SERVER", "POSTGRES"):
        monkeypatch.setenv(f"MILLRACE_{name}_PORT", str(free_port))
    return monkeypatch


@pytest.fixture
def here(plant: Any, instance: DagsterInstance) -> Any:
    """The plant on the instance that dagster.yaml describes."""
    return replace(plant, instance=instance)


def examine(here: Any) -> tuple[dg.DagsterRun, dict[str, Any]]:
    """The run that the clock asks for, and the evaluations that it left in the instance."""
    (request,) = here.at_the_hour("hourly_doctor").run_requests
    instance = here.instance
    run = instance.get_run_by_id(here.run(request, "doctor").run_id)
    found = {}
    for name in LINES:
        key = dg.AssetCheckKey(base_backups.key, name)
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert (record.run_id, record.event is not None) == (run.run_id, True), name
        found[name] = record.event.dagster_event.asset_check_evaluation_data
        assert record.status == STORED[found[name].passed], name
    return run, found


def told_of(here: Any, memory: Alerts) -> list[str]:
    return look(here.instance, memory, datetime.now(UTC) + 2 * SETTLES)[0]


def test_lines_that_failed_are_told_of_once_an_hour_and_every_line_is_kept(
    here: Any, surroundings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    surroundings.setenv("MILLRACE_PULL_KEY", "wrong")
    thresholds = tmp_path / "own.toml"
    thresholds.write_text("thresholds = [")
    surroundings.setenv("MILLRACE_EXPECTATIONS_THRESHOLDS", str(thresholds))
    memory = Alerts(since=datetime.now(UTC) - timedelta(hours=1))

    run, found = examine(here)

    assert run.status == dg.DagsterRunStatus.FAILURE
    failed = {name for name, line in found.items() if line.metadata["status"].value == "failed"}
    assert failed == {"batches_are_loaded", "no_hour_is_held"}
    (alert,) = told_of(here, memory)
    assert alert.startswith("Millrace: doctor failed in step examine_platform: ")
    assert "batches_are_loaded, no_hour_is_held failed: batches_are_loaded: demo: its ingestion API" in alert
    assert "no_hour_is_held: no hour is judged: " in alert
    assert "→ mend the file" in alert
    assert alert.endswith(f"/runs/{run.run_id}")
    examine(here)
    assert told_of(here, memory) == []
    assert [waiting.count for waiting in memory.waiting.values()] == [1]

    assert list(filter_runs_to_should_retry([run], here.instance)) == []
    with here.retrying_at_once():
        assert here.tick("on_failed_clocked_run").run_requests == []


def test_warnings_are_no_failure(here: Any, surroundings: pytest.MonkeyPatch) -> None:
    """A setting asks for what plain PostgreSQL does not have."""
    surroundings.setenv("MILLRACE_HOURLY_AGGREGATE_SCHEMA", "plant")
    run, found = examine(here)
    assert {line.metadata["status"].value for line in found.values()} == {"ok", "warning"}
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert told_of(here, Alerts(since=datetime.now(UTC) - timedelta(hours=1))) == []


def test_the_site_that_is_worst_is_told_of_first(surroundings: pytest.MonkeyPatch) -> None:
    """An alert is cut, and a plant may have more sites than it has room for."""
    demo = OrchestrationSettings().sites["demo"]
    surroundings.setenv("MILLRACE_SITES", json.dumps({"demo": demo, "west": "http://127.0.0.1:1"}))
    found = batches_are_loaded(Patient())
    assert (found.status, "; demo: " in found.says) == ("failed", True)
    assert found.says.startswith("west: its ingestion API does not answer")


def test_how_many_numbers_lie_between_says_nothing_of_a_site(
    plant: Any, databases: dict[str, str], surroundings: pytest.MonkeyPatch
) -> None:
    """Batches of all kinds and sites of an API are numbered together: here the others took 5,000."""
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump"})
    reading = {"equipment_code": "P1", "metric": "temp", "unit_code": "Cel", "value": 1.5}
    plant.push("readings", [{**reading, "event_time": "2026-03-02T10:05:00Z"}])
    with IngestionClient(*Patient().site("demo")) as client:
        load_site(plant.engine, client, "demo")
    others = create_engine(databases["api"])
    with others.begin() as connection:
        connection.execute(
            text("select setval('inbox.batches_batch_seq_seq', last_value + 5000) from inbox.batches_batch_seq_seq")
        )
    others.dispose()
    plant.push("readings", [{**reading, "event_time": "2026-03-02T10:06:00Z"}])

    behind = batches_are_loaded(Patient())
    assert (behind.status, behind.says) == ("ok", "demo: behind by at most 5,001 of readings")
    now = Clocks.now()
    later = batches_are_loaded(Patient(started=Clocks(now.wall_s + 16 * 60, now.monotonic_s)))
    assert (later.status, later.says.partition(", last loaded ")[2]) == ("warning", "16 min ago")
