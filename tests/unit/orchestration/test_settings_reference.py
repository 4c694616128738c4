"""The generated settings reference."""

from importlib import import_module
from importlib.util import find_spec

import pytest
from pydantic_settings import BaseSettings

from orchestration import settings_reference

PACKAGES = ("edge_client", "expectations", "ingestion_api", "ml", "orchestration", "warehouse")


def test_the_committed_files_are_up_to_date() -> None:
    assert settings_reference.main(["--check"]) == 0


def test_every_settings_class_is_in_it() -> None:
    classes = {
        f"{module.__name__}:{name}"
        for module in (import_module(f"{package}.settings") for package in PACKAGES if find_spec(f"{package}.settings"))
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BaseSettings) and value.__module__ == module.__name__
    }

    assert set(settings_reference.SETTINGS) == classes


def test_every_variable_stands_there_once_and_is_described() -> None:
    settings = [setting for section in settings_reference.sections() for setting in section.settings]

    assert len({setting.variable for setting in settings}) == len(settings) > 40
    assert all(setting.variable.startswith("MILLRACE_") and setting.description for setting in settings)


def test_a_stale_file_is_told_and_written(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path_factory.mktemp("checkout")
    monkeypatch.setattr(settings_reference, "ROOT", root)
    monkeypatch.setattr(settings_reference, "ENV_EXAMPLE", root / ".env.example")
    monkeypatch.setattr(settings_reference, "PAGE", root / "docs" / "settings.md")

    assert settings_reference.main(["--check"]) == 1
    assert ".env.example is out of date; run python -m" in capsys.readouterr().err
    assert settings_reference.main([]) == 0
    assert settings_reference.main(["--check"]) == 0
    assert "# MILLRACE_API_PORT=8000\n" in (root / ".env.example").read_text()
    assert "| `MILLRACE_API_PORT` | `8000` | Port to listen on" in (root / "docs" / "settings.md").read_text()
