"""A real API over a real warehouse in which dbt built what the API reads. It is built once for all tests here."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, insert, make_url

from tests.integration.ingestion_api.reads.rows import SIGNAL, add_readings
from warehouse import tables
from warehouse.engine import create_engine
from warehouse.migrate import migrate

PROJECT = Path(__file__).parents[4] / "dbt_project"
VIEWS = (
    "+fct_sensor_readings",
    "+fct_maintenance_events",
    "fct_ingest_batches",
    "fct_reading_versions",
    "fct_event_versions",
    "fct_site_freshness",
    "+fct_worker_kpis_daily",
    "+fct_model_health_hourly",
)


@pytest.fixture(scope="session")
def warehouse(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    name = f"test_reads_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    target = make_url(url)
    environment = {
        "MILLRACE_DBT_HOST": str(target.host),
        "MILLRACE_DBT_PORT": str(target.port),
        "MILLRACE_DBT_USER": str(target.username),
        "MILLRACE_DBT_PASSWORD": str(target.password),
        "MILLRACE_DBT_DATABASE": str(target.database),
    }
    project = str(PROJECT)
    scratch = str(tmp_path_factory.mktemp("dbt"))
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", scratch, "--log-path", scratch]
    untested = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    select = ["--select", "+stg_raw__readings", *VIEWS]
    subprocess.run(
        [Path(sys.executable).with_name("millrace-dbt"), "--quiet", "build", *untested, *places, *select],
        env={**os.environ, **environment},
        check=True,
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(tables.signals).values(site_code="demo", **SIGNAL))
    add_readings(engine, *range(0, 100, 2))
    yield engine
    engine.dispose()
    postgres.drop(name)


@pytest.fixture(scope="module")
def reader(shared_plant: Any, warehouse: Engine) -> Iterator[httpx.Client]:
    """A client of an API that reads the warehouse."""
    url = warehouse.url.render_as_string(hide_password=False)
    api = type(shared_plant)(shared_plant.database_url, shared_plant.engine, warehouse_url=url)
    with api.running():
        headers = {"Authorization": f"Bearer {api.key('read', 'push_readings', 'push_events', name='reader')}"}
        with httpx.Client(base_url=api.url, headers=headers, timeout=30) as client:
            yield client
