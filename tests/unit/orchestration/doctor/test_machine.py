"""Versions, ports and disks: each line can be ok, and says what to do where it is not."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ingestion_api.settings import IngestionApiSettings
from orchestration.doctor.finding import Patient
from orchestration.doctor.machine import PINNED, ROOT, disks_have_room, ports_are_ours, versions_are_pinned
from orchestration.local.processes import Supervisor
from orchestration.settings import OrchestrationSettings
from warehouse.settings import WarehouseSettings


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def answering(body: str) -> Iterator[int]:
    """An HTTP server that says the same to everybody; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    api, mlflow, dagster, code, postgres = free_ports(5)
    return Patient(
        WarehouseSettings(data_dir=tmp_path / "data", postgres_port=postgres),
        IngestionApiSettings(port=api),
        OrchestrationSettings(mlflow_port=mlflow, dagster_port=dagster, code_server_port=code),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout whose pins a test may change."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def test_the_pinned_versions_are_told(patient: Patient) -> None:
    found = versions_are_pinned(patient)
    assert (found.status, found.do) == ("ok", "")
    assert all(name in found.says for name in ("Python 3.1", *PINNED))


def test_another_version_than_the_pinned_one_is_a_warning(patient: Patient, root: Path) -> None:
    pins = (root / "constraints.txt").read_text().replace("\nmlflow==3", "\nmlflow==2").replace("\ntorch==", "\n# ")
    (root / "constraints.txt").write_text(pins)
    found = versions_are_pinned(patient, root)
    assert found.status == "warning"
    assert "constraints.txt says 2." in found.says
    assert found.says.count("constraints.txt") == 2
    assert found.says.endswith("constraints.txt says nothing")
    assert "make setup" in found.do


def test_what_is_not_installed_fails(patient: Patient) -> None:
    found = versions_are_pinned(patient, packages=("dagster", "millrace-never-published"))
    assert (found.status, found.says) == ("failed", "not installed: millrace-never-published")


def test_another_python_fails(patient: Patient, root: Path) -> None:
    project = (root / "pyproject.toml").read_text().replace(">=3.11,<3.13", ">=3.99")
    (root / "pyproject.toml").write_text(project)
    found = versions_are_pinned(patient, root)
    assert found.status == "failed"
    assert ">=3.99" in found.says


def test_free_ports_are_ok_where_nothing_runs(patient: Patient) -> None:
    found = ports_are_ours(patient)
    assert found.status == "ok"
    assert found.says.startswith("nothing of the platform listens on this machine")
    assert all(name in found.says for name in ("the ingestion API", "MLflow", "Dagster", "code server", "PostgreSQL"))
    assert found.do == "make up starts it here"
    assert found.numbers == {"answering_count": 0, "taken_count": 0}


def test_a_port_of_somebody_else_fails_with_the_setting_to_change(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", patient.warehouse.postgres_port)), answering("hello") as port:
        settings = patient.orchestration.model_copy(update={"mlflow_port": port})
        found = ports_are_ours(Patient(patient.warehouse, patient.api, settings))
    assert found.status == "failed"
    assert "MILLRACE_MLFLOW_PORT, MILLRACE_POSTGRES_PORT" in found.do
    assert "Dagster" not in found.says
    assert found.numbers["taken_count"] == 2
    assert "make demo" not in found.do


def test_ports_that_the_demo_may_have_lead_to_its_data(patient: Patient) -> None:
    demo = patient.warehouse.data_dir / "demo"
    demo.mkdir(parents=True)
    with answering("hello") as port:
        settings = patient.orchestration.model_copy(update={"mlflow_port": port})
        found = ports_are_ours(Patient(patient.warehouse, patient.api, settings))
    assert found.do.endswith(f"MILLRACE_DATA_DIR={demo} make doctor")


def test_services_that_answer_as_ours_are_ok(patient: Patient) -> None:
    with answering('{"status": "live"}') as api, answering('{"dagster_version": "1"}') as dagster:
        settings = patient.orchestration.model_copy(update={"dagster_port": dagster})
        found = ports_are_ours(Patient(patient.warehouse, IngestionApiSettings(port=api), settings))
    assert found.status == "ok"
    assert found.says.startswith(f"the ingestion API ({api}), Dagster ({dagster}) answer")


def test_silence_fails_while_the_supervisor_is_at_work(patient: Patient) -> None:
    supervisor = Supervisor(patient.warehouse.data_dir / "run", dict(os.environ), print)
    supervisor.claim()
    try:
        found = ports_are_ours(patient)
    finally:
        supervisor.stop()
    assert found.status == "failed"
    assert "nobody listens for the ingestion API" in found.says
    assert str(patient.warehouse.data_dir / "run" / "logs") in found.do


def test_room_is_told_for_each_directory(patient: Patient, tmp_path: Path) -> None:
    warehouse = patient.warehouse.model_copy(update={"backup_dir": tmp_path / "backups" / "none yet"})
    found = disks_have_room(Patient(warehouse), low_bytes=1, least_bytes=1)
    assert found.status == "ok"
    assert set(found.numbers) == {"data_free_gib", "archive_free_gib", "backup_free_gib"}
    assert min(found.numbers.values()) > 0
    assert str(tmp_path / "backups" / "none yet") in found.says


def test_little_room_is_a_warning_and_less_fails(patient: Patient) -> None:
    more_than_there_is = 10**18
    low = disks_have_room(patient, low_bytes=more_than_there_is, least_bytes=1)
    none = disks_have_room(patient, low_bytes=more_than_there_is, least_bytes=more_than_there_is)
    assert (low.status, none.status) == ("warning", "failed")
    assert "docs/storage.md" in low.do
