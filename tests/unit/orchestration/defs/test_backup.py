"""The daily base backup does nothing where there is nothing of ours to back up, and says why."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.backup import base_backups, daily_base_backup


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MILLRACE_BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "postgresql://plant@db/warehouse")


def test_an_external_database_is_skipped_with_the_reason() -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 1, 2, tzinfo=UTC))
    answer = daily_base_backup(context)
    assert isinstance(answer, dg.SkipReason)
    assert "docs/backup.md" in str(answer.skip_message)


def test_the_asset_says_why_it_did_nothing() -> None:
    result = base_backups(dg.build_asset_context())
    assert isinstance(result, dg.MaterializeResult)
    assert "server of its own" in str((result.metadata or {})["skipped"])
