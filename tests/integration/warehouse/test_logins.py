"""The logins of packages and readers: who may make them, what they are told by, and how they are changed (DESIGN 4)."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from tests.integration.warehouse.statements import refused, run
from warehouse.__main__ import app
from warehouse.embedded import EmbeddedPostgres
from warehouse.errors import RolesNotMade
from warehouse.migrate import migrate
from warehouse.roles import DBT, INGESTION, LOADER, ML, PACKAGES, create_reader, enable_logins
from warehouse.settings import WarehouseSettings

AsRole = Callable[[str, str], str]


@pytest.mark.parametrize("name", ["millrace_dbt", "bi_reader", "Grafana", "x; drop role bi_reader"])
def test_reader_needs_a_name_of_its_own(name: str, warehouse_url: str) -> None:
    with pytest.raises(RolesNotMade):
        create_reader(warehouse_url, name, "secret")


def test_reader_takes_no_login_that_is_somebody_elses(warehouse_url: str) -> None:
    owner = str(make_url(warehouse_url).username)
    with pytest.raises(RolesNotMade, match="is no reader"):
        create_reader(warehouse_url, owner, "secret")
    assert run(warehouse_url, "select 1") == [(1,)]


@pytest.fixture
def rented(tmp_path: Path, free_port: int) -> Iterator[tuple[str, str]]:
    """URLs of two databases on a new server, by the login that owns them and may make roles; it is no superuser."""
    server = EmbeddedPostgres(tmp_path / "rented", free_port, 60, parameters={"fsync": "off", "shared_buffers": "16MB"})
    server.start()
    run(server.url("postgres"), "create role plant_owner login createrole password 'secret'")
    urls = []
    for name in ("plant_api", "plant_warehouse"):
        server.ensure_database(name)
        run(server.url("postgres"), f"alter database {name} owner to plant_owner")
        url = make_url(server.url(name)).set(username="plant_owner", password="secret")
        urls.append(url.render_as_string(hide_password=False))
    yield urls[0], urls[1]
    server.remove()


def test_an_owner_without_superuser_migrates_and_makes_the_logins(rented: tuple[str, str]) -> None:
    """A database that is rented has no superuser to give away."""
    api_url, warehouse_url = rented
    migrate(api_url, "api")
    migrate(warehouse_url, "warehouse")
    run(warehouse_url, "create table marts.fct_by_owner as select 1 as one")
    logins = enable_logins({"api": api_url, "warehouse": warehouse_url}, dict.fromkeys(PACKAGES, "secret"))
    run(logins[LOADER]["MILLRACE_WAREHOUSE_URL"], "insert into raw.cursors values ('demo', 'readings', 1)")
    run(logins[INGESTION]["MILLRACE_API_DATABASE_URL"], "select * from inbox.batches")
    dbt = make_url(warehouse_url).set(username=DBT).render_as_string(hide_password=False)
    run(dbt, "insert into marts.fct_by_owner values (2)", "create table marts.fct_by_dbt as select 1 as one")
    reader = create_reader(warehouse_url, "grafana", "secret")
    assert run(reader, "select count(*) from marts.fct_by_owner, marts.fct_by_dbt") == [(2,)]
    refused(reader, "select * from raw.cursors")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_database: Any) -> WarehouseSettings:
    """Settings of a platform whose databases are somewhere else, as the commands read them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MILLRACE_API_DATABASE_URL", fresh_database("api"))
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", fresh_database("warehouse"))
    for tool in ("DAGSTER", "MLFLOW"):
        monkeypatch.setenv(f"MILLRACE_{tool}_DATABASE_URL", fresh_database("warehouse"))
    return WarehouseSettings()


@pytest.fixture
def passwords_put_back(as_role: AsRole, fresh_database: Any) -> Iterator[None]:
    """The logins belong to the server: what a test changes, other tests log in by."""
    yield
    url = fresh_database("warehouse")
    password = str(make_url(as_role(DBT, url)).password)
    enable_logins({"warehouse": url}, dict.fromkeys(PACKAGES, password))


def test_command_makes_logins_keeps_them_and_rotates_them(
    settings: WarehouseSettings, passwords_put_back: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings.dagster_dsn(), "create table public.runs (id bigint generated always as identity)")
    first = CliRunner().invoke(app, ["roles"])
    logins = json.loads(settings.logins_file.read_text())
    url = logins[LOADER]["MILLRACE_WAREHOUSE_URL"]
    assert first.exit_code == 0
    assert str(make_url(url).password) not in first.output
    assert stat.S_IMODE(settings.logins_file.stat().st_mode) == 0o600
    assert run(url, "select current_user") == [(LOADER,)]
    assert run(logins[INGESTION]["MILLRACE_API_DATABASE_URL"], "select current_user") == [(INGESTION,)]
    storage = logins["millrace_dagster"]["MILLRACE_DAGSTER_DATABASE_URL"]
    run(storage, "alter table public.runs add note text", "insert into public.runs (note) values ('handed over')")
    run(logins["millrace_mlflow"]["MILLRACE_MLFLOW_DATABASE_URL"], "create table public.experiments (id bigint)")
    assert set(logins[DBT]) >= {"MILLRACE_DBT_HOST", "MILLRACE_DBT_USER", "MILLRACE_DBT_PASSWORD"}

    CliRunner().invoke(app, ["roles"])
    assert json.loads(settings.logins_file.read_text()) == logins

    monkeypatch.setenv("MILLRACE_ML_PASSWORD", "chosen")
    CliRunner().invoke(app, ["roles", "--rotate"])
    rotated = json.loads(settings.logins_file.read_text())
    assert make_url(rotated[ML]["MILLRACE_ML_WAREHOUSE_URL"]).password == "chosen"
    assert run(rotated[LOADER]["MILLRACE_WAREHOUSE_URL"], "select current_user") == [(LOADER,)]
    server_checks = run(settings.warehouse_dsn(), "select count(*) from pg_hba_file_rules where auth_method = 'trust'")
    if server_checks == [(0,)]:
        with pytest.raises(OperationalError, match="password authentication failed"):
            run(url, "select 1")


def test_command_makes_a_reader(settings: WarehouseSettings) -> None:
    outcome = CliRunner().invoke(app, ["roles", "--reader", "metabase"])
    url = json.loads(settings.logins_file.read_text())["metabase"]["url"]
    assert outcome.exit_code == 0
    assert run(url, "select pg_has_role('bi_reader', 'member')") == [(True,)]


def test_passwords_reach_the_server_as_verifiers(warehouse_url: str, fresh_database: Any, as_role: AsRole) -> None:
    stored = run(warehouse_url, "select rolpassword from pg_authid where rolname = 'millrace_ml'")
    assert stored[0][0].startswith("SCRAM-SHA-256$")
    assert str(make_url(as_role(ML, warehouse_url)).password) not in stored[0][0]


def test_a_database_that_is_not_migrated_is_told_in_one_line(postgres: Any) -> None:
    url = postgres.create("test_roles_of_nothing")
    try:
        with pytest.raises(RolesNotMade) as refusal:
            enable_logins({"warehouse": url.replace("//", "//nobody_")}, dict.fromkeys(PACKAGES, "geheim"))
    finally:
        postgres.drop("test_roles_of_nothing")
    assert "\n" not in str(refusal.value)
    assert "geheim" not in str(refusal.value)
