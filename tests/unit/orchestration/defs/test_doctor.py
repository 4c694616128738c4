"""The doctor's lines in Dagster: a check each, none of which holds anything up."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.backup import base_backups
from orchestration.defs.doctor import doctor, hourly_doctor, platform_is_sound
from orchestration.doctor.examination import LINES


def test_each_line_is_a_check_that_blocks_nothing() -> None:
    specs = list(platform_is_sound.check_specs)
    assert {spec.name for spec in specs} == set(LINES)
    assert {spec.blocking for spec in specs} == {False}
    assert all(spec.description for spec in specs)
    assert (hourly_doctor.job_name, hourly_doctor.cron_schedule) == ("doctor", "40 * * * *")


def test_the_job_says_what_the_command_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "postgresql://plant@127.0.0.1:1/warehouse")
    definitions = dg.Definitions(assets=[base_backups], asset_checks=[platform_is_sound], jobs=[doctor])

    result = definitions.resolve_job_def("doctor").execute_in_process(raise_on_error=False)

    assert not result.success
    description = str(result.failure_data_for_node("examine_platform").user_failure_data.description)
    assert "databases_answer: warehouse does not answer: " in description
    assert "clocks_agree" not in description
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert set(found) == set(LINES)
    away, room = found["databases_answer"], found["disks_have_room"]
    assert (away.passed, away.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert away.metadata["silent_count"].value == 1
    assert (found["clocks_agree"].passed, found["clocks_agree"].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert isinstance(room.metadata["data_free_gib"].value, float)
