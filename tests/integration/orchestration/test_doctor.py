"""The doctor on a real embedded platform database: what is sound is ok, what was harmed is told."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ingestion_api.client import IngestionClient
from orchestration.doctor.databases import (
    backup_is_recent,
    clocks_agree,
    databases_answer,
    edition_fits,
    migrations_are_applied,
)
from orchestration.doctor.examination import examine, looked_at
from orchestration.doctor.finding import Clocks, Patient
from orchestration.doctor.queues import batches_are_loaded, hours_are_computed
from orchestration.settings import OrchestrationSettings
from warehouse import ledger
from warehouse.backup import take
from warehouse.load import load_site
from warehouse.migrate import migrate
from warehouse.roles import LOADER
from warehouse.settings import DATABASES, WarehouseSettings

SITE = "demo"


@pytest.fixture
def patient(free_port: int) -> Iterator[Patient]:
    """The databases of `make up`, without its services."""
    # Not pytest's own directory: that one is closed to the account that root's server runs under.
    home = Path(tempfile.mkdtemp(prefix="millrace-test-", dir="/var/tmp"))
    home.chmod(0o755)
    settings = WarehouseSettings(data_dir=home / "data", postgres_port=free_port, backup_dir=home / "backups")
    server = settings.embedded()
    server.start()
    try:
        for database in DATABASES:
            server.ensure_database(database)
        yield Patient(settings)
    finally:
        server.remove()
        shutil.rmtree(home)


def test_databases_are_looked_at_from_their_first_start_to_their_stop(patient: Patient) -> None:
    answer = databases_answer(patient)
    assert (answer.status, answer.numbers["answering_count"]) == ("ok", 4)
    unmigrated = {finding.name: finding for finding in examine(patient)}
    assert unmigrated["migrations_are_applied"].status == "failed"
    assert "api was never migrated; warehouse was never migrated" in unmigrated["migrations_are_applied"].says
    assert 'relation "raw.cursors" does not exist' in unmigrated["batches_are_loaded"].says

    migrate(patient.warehouse.api_dsn(), "api")
    migrate(patient.warehouse.warehouse_dsn(), "warehouse")
    applied = migrations_are_applied(patient)
    assert (applied.status, applied.do) == ("ok", "")
    assert applied.numbers == {"api_steps_behind_count": 0, "warehouse_steps_behind_count": 0}
    assert (edition_fits(patient).status, "plain PostgreSQL" in edition_fits(patient).says) == ("ok", True)
    assert clocks_agree(patient).status == "ok"
    assert hours_are_computed(patient).says == "all hours are rolled up; all hours are summarized"

    untaken = backup_is_recent(patient)
    assert (untaken.status, untaken.do) == ("warning", "python -m warehouse backup")
    take(patient.warehouse.embedded(), 1)
    taken = backup_is_recent(patient)
    assert (taken.status, taken.numbers["kept_count"]) == ("ok", 1)

    patient.warehouse.embedded().stop()
    stopped = databases_answer(patient)
    assert (stopped.status, stopped.do) == ("warning", "make up")
    assert stopped.says.startswith("the embedded PostgreSQL does not run: api, warehouse, dagster, mlflow")
    unseen = {finding.name: finding for finding in examine(patient)}["clocks_agree"]
    assert (unseen.status, unseen.says.partition(": ")[0]) == ("warning", "cannot be told")


@pytest.fixture
def connected(plant: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Patient:
    """As the processes of the platform are told, by their environment."""
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    return Patient()


def test_a_database_behind_or_beyond_this_version_fails(plant: Any, connected: Patient) -> None:
    assert migrations_are_applied(connected).says.startswith("warehouse is at warehouse_")
    harm = text("update alembic_version_warehouse set version_num = :revision")
    with plant.engine.begin() as connection:
        head = connection.scalar(text("select version_num from alembic_version_warehouse"))
        connection.execute(harm, {"revision": "warehouse_0002"})
    behind = migrations_are_applied(connected)
    with plant.engine.begin() as connection:
        connection.execute(harm, {"revision": "warehouse_9999"})
    beyond = migrations_are_applied(connected)
    with plant.engine.begin() as connection:
        connection.execute(harm, {"revision": head})
    assert (behind.status, behind.do) == ("failed", "python -m warehouse migrate, as the owner")
    assert behind.numbers["warehouse_steps_behind_count"] == int(head.removeprefix("warehouse_")) - 2
    assert (beyond.status, "later version" in beyond.do) == ("failed", True)


def test_only_the_owner_can_tell_the_revision(
    databases: dict[str, str], connected: Patient, as_role: Callable[[str, str], str]
) -> None:
    """docs/access.md: Dagster has the loader's login, and the owner's for the care of storage alone."""
    loader = WarehouseSettings(warehouse_url=as_role(LOADER, databases["warehouse"]))
    refused = looked_at("migrations_are_applied", migrations_are_applied, Patient(loader))
    assert (refused.status, "permission denied" in refused.says) == ("warning", True)
    both = loader.model_copy(update={"storage_warehouse_url": databases["warehouse"]})
    assert migrations_are_applied(Patient(both)).status == "ok"
    assert (
        databases_answer(Patient(loader)).says == "warehouse answer; this process is not told of api, dagster, mlflow"
    )


def test_a_clock_that_was_set_while_the_doctor_looked_is_told(connected: Patient) -> None:
    now = Clocks.now()
    found = clocks_agree(Patient(started=Clocks(now.wall_s - 3_600, now.monotonic_s)))
    assert found.status == "warning"
    assert found.numbers["jump_s"] == pytest.approx(3_600, abs=5)


def test_what_an_inbox_holds_and_the_warehouse_does_not_is_counted(plant: Any, connected: Patient) -> None:
    plant.api.put("sites", SITE, {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump"})
    reading = {"equipment_code": "P1", "metric": "temp", "unit_code": "Cel", "value": 1.5}
    plant.push("readings", [{**reading, "event_time": "2026-03-02T10:05:00Z"}])
    behind = batches_are_loaded(connected)
    assert behind.status == "warning"
    assert behind.numbers["demo_readings_behind_count"] == 1
    assert "never loaded" in behind.says

    with IngestionClient(*connected.site(SITE)) as client:
        load_site(plant.engine, client, SITE)
    loaded = batches_are_loaded(connected)
    assert (loaded.status, loaded.says) == ("ok", "demo: all is loaded")
    assert set(loaded.numbers.values()) == {0}

    ((touched,),) = plant.rows("select count(*) from raw.touched_hours")
    waiting = hours_are_computed(connected)
    assert (waiting.status, waiting.numbers["rolled_up_waiting_count"]) == ("ok", touched)
    late = hours_are_computed(Patient(started=_in(hours=1)))
    assert (late.status, late.numbers["rolled_up_longest_wait_s"]) == ("warning", pytest.approx(3_600, abs=60))
    assert hours_are_computed(Patient(started=_in(hours=7))).status == "failed"
    later = OrchestrationSettings(partitions_start=date(2100, 1, 1))
    assert hours_are_computed(Patient(orchestration=later, started=_in(hours=7))).status == "ok"
    _settle(plant.engine, "rolled_up")
    assert hours_are_computed(connected).says.startswith(
        f"all hours are rolled up; {touched} hours wait to be summarized"
    )
    _settle(plant.engine, "summarized")
    assert hours_are_computed(Patient(started=_in(hours=7))).status == "ok"

    with plant.engine.begin() as connection:
        connection.execute(text("update raw.cursors set position = position + 5 where kind = 'readings'"))
    ahead = batches_are_loaded(connected)
    assert (ahead.status, "docs/backup.md" in ahead.do) == ("failed", True)


def test_a_site_that_refuses_the_key_or_is_away_fails(connected: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_PULL_KEY", "wrong")
    refused = batches_are_loaded(Patient())
    assert (refused.status, "MILLRACE_PULL_KEYS" in refused.do) == ("failed", True)
    monkeypatch.setenv("MILLRACE_SITES", '{"demo": "http://127.0.0.1:1"}')
    assert batches_are_loaded(Patient()).status == "failed"


def _in(hours: int) -> Clocks:
    now = Clocks.now()
    return Clocks(now.wall_s + hours * 3_600, now.monotonic_s + hours * 3_600)


def _settle(engine: Any, consumer: ledger.Consumer) -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    ledger.settle(engine, consumer, ledger.seen(engine, consumer, start, end))
