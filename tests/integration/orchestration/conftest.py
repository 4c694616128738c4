"""One small plant behind a real ingestion API, a real warehouse and the real definitions, shared by a module's tests.

Dagster runs in this process on an instance of its own: sensors are ticked by hand, and what they ask for is executed.
"""

import json
import shutil
import threading
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import uvicorn
from dagster import DagsterInstance
from sqlalchemy import Engine, make_url, text

from ingestion_api.app import create_app
from ingestion_api.auth import create_key
from ingestion_api.client import IngestionClient
from ingestion_api.settings import IngestionApiSettings
from orchestration.manifest import prepare_manifest
from warehouse.engine import create_engine

ROOT = Path(__file__).resolve().parents[3]
SITE = "demo"


@dataclass
class Plant:
    """The platform of one test module.

    Attributes:
        instance: Remembers runs and, here, the sensors' cursors.
        engine: Of the warehouse.
        api: A client that pushes and registers.
    """

    instance: DagsterInstance
    engine: Engine
    api: IngestionClient
    cursors: dict[str, str | None] = field(default_factory=dict)

    def tick(self, name: str) -> Any:
        """Evaluate a sensor as the daemon does; returns its run requests and skip message."""
        from orchestration.definitions import defs
        from orchestration.defs.resources import SitesResource, WarehouseResource

        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            repository_def=defs.get_repository_def(),
            sensor_name=name,
            resources={"sites": SitesResource(), "warehouse": WarehouseResource()},
        )
        with context:
            outcome = defs.resolve_sensor_def(name).evaluate_tick(context)
        self.cursors[name] = outcome.cursor
        return outcome

    def at_the_hour(self, name: str) -> Any:
        """Evaluate a schedule as the daemon does on the hour."""
        from orchestration.definitions import defs
        from orchestration.defs.resources import WarehouseResource

        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        context = dg.build_schedule_context(
            scheduled_execution_time=hour,
            repository_def=defs.get_repository_def(),
            resources={"warehouse": WarehouseResource()},
        )
        with context:
            return defs.resolve_schedule_def(name).evaluate_tick(context)

    def run(self, request: Any, job_name: str) -> dg.ExecuteInProcessResult:
        """Execute what a sensor asked for."""
        from orchestration.definitions import defs

        with warnings.catch_warnings():
            # dagster-dbt uses what Dagster deprecates, and brings dbt and what dbt imports into this process.
            warnings.simplefilter("default")
            return defs.resolve_job_def(job_name).execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                run_config=request.run_config,
                tags=dict(request.tags),
                raise_on_error=False,
            )

    def follow(self, sensor: str, job_name: str) -> list[dg.ExecuteInProcessResult]:
        """Tick a sensor and execute everything that it asks for."""
        return [self.run(request, job_name) for request in self.tick(sensor).run_requests]

    @contextmanager
    def retrying_at_once(self) -> Iterator[None]:
        """Let no time pass between a failure and the next try."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("MILLRACE_RETRY_DELAY_S", "0.001")
            yield

    def rows(self, query: str, **parameters: object) -> list[Any]:
        """Read the warehouse."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), parameters))

    def push(self, kind: Any, items: list[Mapping[str, object]]) -> Any:
        """Push a batch from a backlog, so that its lateness counts for nothing."""
        return self.api.push(kind, json.dumps(items).encode(), is_replay=True)


@pytest.fixture
def instance(postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """The instance that dagster.yaml describes, empty."""
    name = f"dagster_{uuid.uuid4().hex[:8]}"
    url = make_url(postgres.create(name)).set(drivername="postgresql+psycopg2")
    monkeypatch.setenv("MILLRACE_DAGSTER_STORAGE_URL", url.render_as_string(hide_password=False))
    shutil.copy(ROOT / "orchestration" / "dagster.yaml", tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance
    postgres.drop(name)


@pytest.fixture(scope="module")
def databases(postgres: Any, _templates: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """URLs of a fresh warehouse and a fresh API database, by branch."""
    names = {branch: f"orchestration_{branch}_{uuid.uuid4().hex[:8]}" for branch in ("warehouse", "api")}
    yield {branch: postgres.create(name, _templates[branch]) for branch, name in names.items()}
    for name in names.values():
        postgres.drop(name)


@pytest.fixture(scope="module")
def api_address(databases: dict[str, str]) -> Iterator[str]:
    """Where a real ingestion API listens."""
    settings = IngestionApiSettings(database_url=databases["api"], port=0)
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
    listener.close()


@pytest.fixture(scope="module")
def plant(databases: dict[str, str], api_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The platform, with settings pointing at it."""
    prepare_manifest()
    scratch: Path = tmp_path_factory.mktemp("orchestration")
    api_engine, engine = create_engine(databases["api"]), create_engine(databases["warehouse"])
    with api_engine.begin() as connection:
        edge = create_key(connection, "edge", SITE, ["push", "registry", "read", "admin"])
        pull = create_key(connection, "dagster", SITE, ["pull"])
    api_engine.dispose()
    warehouse = make_url(databases["warehouse"])
    with pytest.MonkeyPatch.context() as environment, IngestionClient(api_address, edge) as api:
        for name, value in {
            "MILLRACE_SITES": json.dumps({SITE: api_address}),
            "MILLRACE_PULL_KEY": pull,
            "MILLRACE_WAREHOUSE_URL": databases["warehouse"],
            "MILLRACE_DBT_HOST": warehouse.host,
            "MILLRACE_DBT_PORT": warehouse.port,
            "MILLRACE_DBT_USER": warehouse.username,
            "MILLRACE_DBT_PASSWORD": warehouse.password,
            "MILLRACE_DBT_DATABASE": warehouse.database,
            "MILLRACE_EXPECTATIONS_DATA_DOCS_DIR": scratch / "data_docs",
            "MILLRACE_ML_TRACKING_URI": f"sqlite:///{scratch / 'mlflow.db'}",
            # Without a server MLflow would put artifacts into the working directory.
            "_MLFLOW_SERVER_ARTIFACT_ROOT": (scratch / "artifacts").as_uri(),
        }.items():
            environment.setenv(name, str(value))
        with DagsterInstance.ephemeral() as instance:
            yield Plant(instance, engine, api)
    engine.dispose()
