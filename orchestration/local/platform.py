"""Which processes make the platform on one machine, in which order, with which settings.

How processes are watched and restarted is in `processes.py`.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NoReturn, Self

import psutil
from sqlalchemy import make_url

from ingestion_api.settings import IngestionApiSettings
from orchestration.dbt_environment import dbt_environment
from orchestration.local.errors import PortTaken
from orchestration.local.keys import ensure_keys
from orchestration.local.processes import Process, Supervisor, port_is_free, resident_bytes
from orchestration.local.reporter import Reporter
from orchestration.settings import OrchestrationSettings
from warehouse.errors import WarehouseError
from warehouse.migrate import migrate
from warehouse.settings import DATABASES, WarehouseSettings

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
READY_TIMEOUT_S = 180.0
TEND_EVERY_S = 2.0
# No tool of the platform talks to anybody outside it, and MLflow's job runner (2 GiB) is not needed.
TOOLS = {
    "DO_NOT_TRACK": "1",
    # A run over a range logs one event for each hour and asset; one by one they took two minutes for three days.
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONUNBUFFERED": "1",
}


class Platform:
    """Everything from PostgreSQL to the Dagster daemon, on loopback, in one data directory.

    Use it as a context: entering starts all, leaving stops what it started and nothing else.

    Attributes:
        environment: What each process of the platform gets, demo input included.
        keys: API keys by name: `edge` pushes and registers, `dagster` pulls.
        is_fresh: Forget what an earlier run left in the data directory.
    """

    def __init__(
        self,
        data_dir: Path,
        reporter: Reporter,
        extra_environment: Mapping[str, str] = MappingProxyType({}),
        *,
        is_fresh: bool = False,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.is_fresh = is_fresh
        self.reporter = reporter
        self.warehouse = WarehouseSettings(data_dir=self.data_dir)
        self.api = IngestionApiSettings()
        self.orchestration = OrchestrationSettings()
        self.postgres = self.warehouse.embedded()
        self.api_url = f"http://{LOOPBACK}:{self.api.port}"
        self.dagster_url = f"http://{LOOPBACK}:{self.orchestration.dagster_port}"
        self.mlflow_url = f"http://{LOOPBACK}:{self.orchestration.mlflow_port}"
        self.data_docs_url = f"http://{LOOPBACK}:{self.orchestration.data_docs_port}"
        # One machine runs one API; other sites' APIs are somewhere else and keep their addresses.
        self.site_code = next(iter(self.orchestration.sites))
        self.sites = {**self.orchestration.sites, self.site_code: self.api_url}
        self.environment: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self._extra_environment = extra_environment
        self._is_refused = False
        self.supervisor = Supervisor(self.data_dir / "run", self.environment, reporter.say)

    def __enter__(self) -> Self:
        self.supervisor.claim()
        try:
            if self.is_fresh:
                self._wipe()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reporter.settle()
        self.reporter.say("stopping")
        self.stop()

    def stop(self) -> None:
        """Stop every process, PostgreSQL last."""
        self.supervisor.stop()
        if self.postgres.is_running():
            self.postgres.stop()

    def tend(self) -> None:
        """Start again whatever has died since the last call. Where PostgreSQL cannot start, the next call tries again.

        Nothing else is started then: it would die for want of a database, and too often.
        """
        if self.warehouse.needs_embedded() and not self.postgres.is_running():
            if not self._is_refused:
                self.reporter.say("PostgreSQL died; starting it again")
            try:
                self.postgres.start()
            except WarehouseError as refusal:
                if not self._is_refused:
                    self.reporter.say(f"PostgreSQL does not start, and is tried again until it does: {refusal}")
                self._is_refused = True
                return
            self._is_refused = False
        self.supervisor.revive()

    def stay_up(self) -> NoReturn:
        """Keep everything running until the process is interrupted."""
        self.reporter.say("up until Ctrl-C")
        while True:
            self.tend()
            time.sleep(TEND_EVERY_S)

    def resident_bytes(self) -> int:
        """Memory of the whole platform, this process included, in bytes."""
        postmaster = self.postgres.postmaster_pid()
        roots = [os.getpid()] if postmaster is None else [os.getpid(), postmaster]
        return resident_bytes(psutil.Process(pid) for pid in roots)

    def addresses(self) -> list[tuple[str, str]]:
        """What a person opens next: name and address."""
        return [
            ("Dagster", self.dagster_url),
            ("MLflow", self.mlflow_url),
            ("Ingestion API", f"{self.api_url}/docs"),
            ("Data Docs", self.data_docs_url),
            ("API keys", str(self.data_dir / "keys.json")),
            ("Warehouse", make_url(self.warehouse.warehouse_dsn()).render_as_string()),
            ("Logs", str(self.supervisor.run_dir / "logs")),
        ]

    def _start(self) -> None:
        self._check_ports()
        if self.warehouse.needs_embedded():
            self.reporter.say("starting PostgreSQL")
            self.postgres.start()
            for database in DATABASES:
                self.postgres.ensure_database(database)
        migrate(self.warehouse.api_dsn(), "api")
        migrate(self.warehouse.warehouse_dsn(), "warehouse")
        self.keys = ensure_keys(self.warehouse.api_dsn(), self.data_dir / "keys.json", self.site_code)
        self.environment.update(self._environment())
        self._prepare_dagster_home()
        self.reporter.say("starting ingestion API, MLflow, Dagster")
        for process in self._services():
            self.supervisor.start(process)
        for name in ("ingestion-api", "dagster-code-server"):
            self._wait(name)
        for process in self.dagster_processes():
            self.supervisor.start(process)
        for name in ("dagster-webserver", "mlflow"):
            self._wait(name)

    def _wipe(self) -> None:
        self.postgres.remove()
        for left in self.data_dir.iterdir():
            if left.is_dir() and left != self.supervisor.run_dir:
                shutil.rmtree(left)
            elif left.is_file():
                left.unlink()

    def _wait(self, name: str) -> None:
        self.reporter.update(f"waiting for {name}")
        self.supervisor.wait_ready(name, READY_TIMEOUT_S)

    def _check_ports(self) -> None:
        """Say which port is taken before anything is started."""
        wanted = [
            (process.name, process.port, process.port_setting)
            for process in [*self._services(), *self.dagster_processes()]
        ]
        for name, port, setting in wanted:
            if port is not None and not port_is_free(LOOPBACK, port):
                raise PortTaken(f"port {port} for {name} is taken; stop what uses it or set {setting} to another port")

    def _environment(self) -> dict[str, str]:
        dagster = make_url(self.warehouse.dagster_dsn())
        return {
            **os.environ,
            **TOOLS,
            "MILLRACE_DATA_DIR": str(self.data_dir),
            "MILLRACE_WAREHOUSE_URL": self.warehouse.warehouse_dsn(),
            "MILLRACE_API_DATABASE_URL": self.warehouse.api_dsn(),
            "MILLRACE_DAGSTER_DATABASE_URL": self.warehouse.dagster_dsn(),
            "MILLRACE_MLFLOW_DATABASE_URL": self.warehouse.mlflow_dsn(),
            "MILLRACE_CODE_SERVER_HOST": LOOPBACK,
            "MILLRACE_CODE_SERVER_PORT": str(self.orchestration.code_server_port),
            "MILLRACE_SITES": json.dumps(self.sites),
            "MILLRACE_PULL_KEY": self.keys["dagster"],
            "MILLRACE_EDGE_API_URL": self.api_url,
            "MILLRACE_EDGE_API_KEY": self.keys["edge"],
            "MILLRACE_EDGE_SPOOL_PATH": str(self.data_dir / "edge" / "spool.sqlite"),
            "MILLRACE_ML_TRACKING_URI": self.mlflow_url,
            "MILLRACE_EXPECTATIONS_DATA_DOCS_DIR": str(self.data_dir / "data_docs"),
            **dbt_environment(self.warehouse.warehouse_dsn()),
            "DAGSTER_HOME": str(self.data_dir / "dagster"),
            "MILLRACE_DAGSTER_STORAGE_URL": dagster.set(drivername="postgresql+psycopg2").render_as_string(False),
            "MLFLOW_BACKEND_STORE_URI": make_url(self.warehouse.mlflow_dsn()).render_as_string(False),
            "MLFLOW_ARTIFACTS_DESTINATION": (self.data_dir / "mlflow").as_uri(),
            **self._extra_environment,
        }

    def _prepare_dagster_home(self) -> None:
        home = self.data_dir / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "orchestration" / "dagster.yaml", home / "dagster.yaml")

    def _services(self) -> list[Process]:
        settings = self.orchestration
        mlflow_port, code_port = str(settings.mlflow_port), str(settings.code_server_port)
        docs_port, docs = str(settings.data_docs_port), str(self.data_dir / "data_docs")
        return [
            Process(
                "ingestion-api",
                [sys.executable, "-m", "ingestion_api", "serve"],
                port=self.api.port,
                port_setting="MILLRACE_API_PORT",
                ready_url=f"{self.api_url}/health/ready",
            ),
            Process(
                "mlflow",
                [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", mlflow_port, "--workers", "1"],
                port=settings.mlflow_port,
                port_setting="MILLRACE_MLFLOW_PORT",
                ready_url=f"{self.mlflow_url}/health",
            ),
            Process(
                "data-docs",
                [sys.executable, "-m", "http.server", "--bind", LOOPBACK, "--directory", docs, docs_port],
                port=settings.data_docs_port,
                port_setting="MILLRACE_DATA_DOCS_PORT",
                ready_url=f"tcp://{LOOPBACK}:{docs_port}",
            ),
            Process(
                "dagster-code-server",
                [
                    *(sys.executable, "-m", "dagster", "api", "grpc", "--module-name", "orchestration.definitions"),
                    *("--host", LOOPBACK, "--port", code_port, "--location-name", "millrace"),
                ],
                port=settings.code_server_port,
                port_setting="MILLRACE_CODE_SERVER_PORT",
                ready_url=f"tcp://{LOOPBACK}:{code_port}",
            ),
        ]

    def dagster_processes(self) -> list[Process]:
        """Dagster's webserver and daemon; what they need runs already when they are started."""
        workspace = str(ROOT / "workspace.yaml")
        port = str(self.orchestration.dagster_port)
        only_shown = ["--read-only"] if self.orchestration.dagster_read_only else []
        return [
            Process(
                "dagster-webserver",
                [sys.executable, "-m", "dagster_webserver", "-h", LOOPBACK, "-p", port, "-w", workspace, *only_shown],
                port=self.orchestration.dagster_port,
                port_setting="MILLRACE_DAGSTER_PORT",
                ready_url=f"{self.dagster_url}/server_info",
            ),
            Process("dagster-daemon", [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace]),
        ]
