"""Settings: defaults, environment, and URLs that name their driver."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from warehouse.errors import NotStarted
from warehouse.settings import WarehouseSettings, warehouse_dsn


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine, no .env."""
    monkeypatch.chdir(tmp_path)
    for name in WarehouseSettings.model_fields:
        monkeypatch.delenv(f"MILLRACE_{name.upper()}", raising=False)


def test_defaults_are_the_embedded_database() -> None:
    settings = WarehouseSettings()
    assert (settings.data_dir, settings.postgres_port) == (Path(".millrace"), 15432)
    assert settings.needs_embedded()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_given_url_names_the_driver(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", f"{scheme}://me:secret@db.example:5433/plant?sslmode=require")
    dsn = WarehouseSettings().warehouse_dsn()
    assert dsn == "postgresql+psycopg://me:secret@db.example:5433/plant?sslmode=require"


@pytest.mark.parametrize("url", ["mysql://me@db/plant", "db.example/plant"])
def test_other_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="postgresql://user:password@host:port/database"):
        WarehouseSettings(warehouse_url=url)


def test_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "")
    assert WarehouseSettings().warehouse_url is None


def test_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("MILLRACE_POSTGRES_PORT=1234\nMILLRACE_DATA_DIR=/from/file\nMILLRACE_API_PORT=1\n")
    monkeypatch.setenv("MILLRACE_DATA_DIR", "/from/environment")
    settings = WarehouseSettings()
    assert (settings.postgres_port, settings.data_dir) == (1234, Path("/from/environment"))


def test_all_four_urls_turn_the_embedded_database_off() -> None:
    url = "postgresql://me@db/plant"
    settings = WarehouseSettings(
        warehouse_url=url, api_database_url=url, dagster_database_url=url, mlflow_database_url=url
    )
    assert not settings.needs_embedded()
    dsns = {settings.warehouse_dsn(), settings.api_dsn(), settings.dagster_dsn(), settings.mlflow_dsn()}
    assert dsns == {"postgresql+psycopg://me@db/plant"}


def test_each_database_has_its_own_name_on_the_embedded_server() -> None:
    settings = WarehouseSettings(postgres_port=4321)
    settings.data_dir.mkdir()
    (settings.data_dir / "postgres.password").write_text("p@ss/word")
    dsns = [settings.warehouse_dsn(), settings.api_dsn(), settings.dagster_dsn(), settings.mlflow_dsn()]
    address = "postgresql+psycopg://millrace:p%40ss%2Fword@127.0.0.1:4321/"
    names = ["millrace_warehouse", "millrace_api", "millrace_dagster", "millrace_mlflow"]
    assert dsns == [address + name for name in names]


def test_embedded_database_that_was_never_started_says_so() -> None:
    with pytest.raises(NotStarted, match="python -m warehouse start"):
        WarehouseSettings().warehouse_dsn()


def test_every_setting_is_described() -> None:
    assert [name for name, field in WarehouseSettings.model_fields.items() if not field.description] == []


def test_a_package_without_a_url_of_its_own_uses_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "postgresql://plant@db/warehouse")
    assert warehouse_dsn(None) == "postgresql+psycopg://plant@db/warehouse"
    assert warehouse_dsn("postgresql://reader@replica/warehouse") == "postgresql+psycopg://reader@replica/warehouse"


def test_hours_that_would_go_before_what_is_computed_from_them_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """C2: a closed day is not read any more, and averages over a week of later days would wait for it for ever."""
    monkeypatch.setenv("MILLRACE_RAW_KEEP_DAYS", "30")
    monkeypatch.setenv("MILLRACE_HOURLY_KEEP_DAYS", "37")
    assert WarehouseSettings().hourly_keep_days == 37
    monkeypatch.setenv("MILLRACE_DROP_HOURLY", "true")
    with pytest.raises(ValidationError, match="it must be 38 or more, 8 days longer than MILLRACE_RAW_KEEP_DAYS"):
        WarehouseSettings()
    monkeypatch.setenv("MILLRACE_HOURLY_KEEP_DAYS", "38")
    assert WarehouseSettings().hourly_keep_days == 38
