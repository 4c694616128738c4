"""Fixtures of the ml tests: the marts that ml reads, a small plant to fill them, and a real MLflow server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine, text

from ml.settings import MlSettings

MARTS = """
    create schema if not exists marts;
    create table marts.dim_equipment (
        site_code text, equipment_code text, name text, equipment_class text, work_unit_code text
    );
    create table marts.features_equipment_readings (
        site_code text, equipment_code text, equipment_class text, metric text, event_time timestamptz,
        value double precision, received_at timestamptz, recorded_at timestamptz
    );
    create index on marts.features_equipment_readings (site_code, equipment_code, event_time);
    create table marts.fct_model_health_hourly (
        stream text, site_code text, subject_code text, equipment_class text, model_version integer,
        hour timestamptz, avg_confidence numeric(7, 6), min_confidence numeric(7, 6), sample_count bigint, band text
    );
"""


@pytest.fixture
def marts(warehouse_engine: Engine) -> Engine:
    """The warehouse with the three marts that ml reads, as plain tables, empty."""
    with warehouse_engine.begin() as connection:
        connection.execute(text(MARTS))
    return warehouse_engine


class Plant:
    """Two days of five pumps, one reading a minute; a bearing of `faulty` fails in the last eight hours.

    The equipment class has a name of its own, as all tests share one model registry.
    """

    start = datetime(2026, 3, 2, tzinfo=UTC)
    hours = 48
    end = start + timedelta(hours=hours)
    fault_at = end - timedelta(hours=8)
    pumps = ("P1", "P2", "P3", "P4", "P5")
    faulty = "P3"
    sensors: ClassVar = {
        "bearing_temperature": (72.0, 0.5),
        "flow": (145.0, 1.5),
        "motor_current": (28.0, 0.4),
        "vibration": (2.8, 0.15),
    }

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.equipment_class = f"pump-{uuid4().hex[:8]}"
        self.model_name = f"anomaly-{self.equipment_class}"

    def fill(self, seed: int = 1, noise: float = 0.4) -> None:
        """Register the pumps and write their readings."""
        for pump in self.pumps:
            self.register(pump)
        self.measure(self.start, self.hours, seed, noise)

    def measure(self, start: datetime, hours: int, seed: int = 1, noise: float = 0.4) -> None:
        """Write readings of some hours; the bearing that failed is replaced after the plant's end."""
        rng = np.random.default_rng(seed)
        minutes = np.arange(hours * 60)
        since_fault = minutes + (start - self.fault_at) / timedelta(minutes=1)
        wear = np.clip(since_fault / 120, 0.0, 1.0) * (start < self.end)
        for pump in self.pumps:
            load = 0.5 * np.sin(2 * np.pi * minutes / 360 + rng.uniform(0, 6))
            for sensor, (level, spread) in self.sensors.items():
                values = level + spread * (load + noise * rng.standard_normal(len(minutes)))
                if pump == self.faulty and sensor in {"vibration", "bearing_temperature"}:
                    values = values + 12 * spread * wear
                self.add(pump, sensor, start, values)

    def register(self, pump: str) -> None:
        """Add a pump."""
        self.execute("insert into marts.dim_equipment values ('demo', :code, :code, :cls, null)", code=pump)

    def add(self, pump: str, sensor: str, start: datetime, values: np.ndarray, step_s: float = 60) -> None:
        """Add a reading every `step_s` seconds from `start` on."""
        self.execute(
            """
            insert into marts.features_equipment_readings
            select 'demo', :code, :cls, :sensor, at, value, at, at
            from (
                select cast(:start as timestamptz) + make_interval(secs => :step_s * (number - 1)) as at, value
                from unnest(cast(:readings as double precision[])) with ordinality as given (value, number)
            ) as timed
            """,
            code=pump,
            sensor=sensor,
            start=start,
            step_s=step_s,
            readings=values.tolist(),
        )

    def execute(self, statement: str, **parameters: object) -> None:
        """Change something; `:cls` is the plant's equipment class."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), {"cls": self.equipment_class, **parameters})

    def rows(self, statement: str, **parameters: object) -> list[tuple]:
        """Ask something."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), parameters)]


@pytest.fixture
def plant(marts: Engine) -> Plant:
    """The plant, filled."""
    plant = Plant(marts)
    plant.fill()
    return plant


@pytest.fixture
def empty_plant(marts: Engine) -> Plant:
    """The plant without pumps and readings."""
    return Plant(marts)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an MLflow server that serves artifacts by HTTP, started as the platform starts its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", (folder / "artifacts").as_uri()]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    url = f"http://127.0.0.1:{port}"
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | quiet, stdout=output, stderr=output, cwd=folder, start_new_session=True
        )
        try:
            _wait_for(f"{url}/health", process, log)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def ml_settings(mlflow_server: str) -> MlSettings:
    """Quick settings, on the test's MLflow server."""
    return MlSettings(tracking_uri=mlflow_server, epochs=2, max_windows=4_000)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"MLflow did not start: {log.read_text()[-2000:]}")
