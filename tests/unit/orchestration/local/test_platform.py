"""Which processes make the platform, and how settings change them. They are started in tests/system."""

from pathlib import Path

import pytest
import yaml

from orchestration.local.platform import ROOT, TOOLS, Platform
from orchestration.local.reporter import Reporter


@pytest.mark.parametrize(("setting", "count"), [("", 0), ("false", 0), ("true", 1)])
def test_one_setting_makes_the_pages_of_dagster_read_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, count: int
) -> None:
    monkeypatch.setenv("MILLRACE_DAGSTER_READ_ONLY", setting)
    commands = {process.name: process.command for process in Platform(tmp_path, Reporter()).dagster_processes()}
    assert commands["dagster-webserver"].count("--read-only") == count
    assert "--read-only" not in commands["dagster-daemon"]


def test_no_tool_reports_its_usage_however_the_platform_is_started() -> None:
    """By `make up` as in the containers. Without these variables, each tool is asked in integration/test_offline.py."""
    containers = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-platform"]["environment"]
    off = {
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    assert TOOLS | off == TOOLS
    assert {name: containers[name] for name in off} == off
