"""Which processes make the platform, and how settings change them. They are started in tests/system."""

from pathlib import Path

import pytest

from orchestration.local.platform import Platform
from orchestration.local.reporter import Reporter


@pytest.mark.parametrize(("setting", "count"), [("", 0), ("false", 0), ("true", 1)])
def test_one_setting_makes_the_pages_of_dagster_read_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, count: int
) -> None:
    monkeypatch.setenv("MILLRACE_DAGSTER_READ_ONLY", setting)
    commands = {process.name: process.command for process in Platform(tmp_path, Reporter()).dagster_processes()}
    assert commands["dagster-webserver"].count("--read-only") == count
    assert "--read-only" not in commands["dagster-daemon"]
