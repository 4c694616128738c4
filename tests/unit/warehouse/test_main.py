"""The commands tell in one line what is wrong."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from warehouse.__main__ import app
from warehouse.settings import WarehouseSettings


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in WarehouseSettings.model_fields:
        monkeypatch.delenv(f"MILLRACE_{name.upper()}", raising=False)
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_status_of_nothing_is_three() -> None:
    outcome = CliRunner().invoke(app, ["status"])
    assert outcome.exit_code == 3
    assert "does not run" in outcome.output


def test_stop_of_nothing_is_no_error(elsewhere: Path) -> None:
    assert CliRunner().invoke(app, ["stop"]).exit_code == 0
    assert list(elsewhere.iterdir()) == []


def test_migrating_nothing_says_how_to_start() -> None:
    outcome = CliRunner().invoke(app, ["migrate"])
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("millrace: There is no database in")
    assert outcome.stderr.count("\n") == 1


def test_unusable_directory_is_one_line(elsewhere: Path) -> None:
    (elsewhere / "data" / "postgres").mkdir(parents=True)
    outcome = CliRunner().invoke(app, ["start"])
    assert outcome.exit_code == 1
    assert outcome.stderr.count("\n") == 1


def test_file_in_place_of_the_directory_is_one_line(elsewhere: Path) -> None:
    (elsewhere / "data").write_text("mine")
    outcome = CliRunner().invoke(app, ["start"])
    assert outcome.exit_code == 1
    assert "set MILLRACE_DATA_DIR" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_POSTGRES_PORT", "high")
    outcome = CliRunner().invoke(app, ["status"])
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("millrace: MILLRACE_POSTGRES_PORT: ")
    assert outcome.stderr.count("\n") == 1


def test_start_with_four_urls_starts_nothing(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    for name in ("WAREHOUSE_URL", "API_DATABASE_URL", "DAGSTER_DATABASE_URL", "MLFLOW_DATABASE_URL"):
        monkeypatch.setenv(f"MILLRACE_{name}", "postgresql://me@db/plant")
    outcome = CliRunner().invoke(app, ["start"])
    assert outcome.exit_code == 0
    assert "not used" in outcome.output
    assert list(elsewhere.iterdir()) == []
