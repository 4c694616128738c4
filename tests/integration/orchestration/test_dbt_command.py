"""The project is parsed again where a variable changes it, not for a range or another warehouse; what its log tells."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.manifest import DBT_PROJECT, prepare_manifest

RANGE = {"start_hour": "2026-03-01T00:00:00+00:00", "end_hour": "2026-03-02T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("variables", "schema", "is_parsed"), [(RANGE, "marts", False), ({"schema_suffix": "_then"}, "marts_then", True)]
)
def test_the_parsed_project_serves_any_range_and_warehouse(
    tmp_path: Path, variables: dict[str, str], schema: str, is_parsed: bool
) -> None:
    prepare_manifest()
    places = ["--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", tmp_path]
    keys = ["--output", "json", "--output-keys", "database", "schema", "relation_name"]
    done = subprocess.run(
        [Path(sys.executable).with_name("millrace-dbt"), "list", "--select", "fct_worker_hours",
         "--resource-type", "model", *keys, *places, "--log-path", tmp_path, "--vars", json.dumps(variables)],
        env={**os.environ, "MILLRACE_DBT_DATABASE": "elsewhere"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (told,) = [line for line in done.stdout.splitlines() if '{"database"' in line]
    model = json.loads(told[told.index("{") :])
    assert (model["database"], model["schema"]) == ("elsewhere", schema)
    assert model["relation_name"] == f'"elsewhere"."{schema}"."fct_worker_hours"'
    # What dbt keeps of a project that it parsed.
    assert (tmp_path / "partial_parse.msgpack").exists() is is_parsed


@pytest.mark.parametrize("level", ["debug", "info"])
def test_a_log_has_all_from_its_level_on(tmp_path: Path, level: str) -> None:
    prepare_manifest()
    places = ["--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", tmp_path]
    subprocess.run(
        [Path(sys.executable).with_name("millrace-dbt"), "list", "--select", "fct_worker_hours", *places,
         "--log-path", tmp_path, "--log-level-file", level],
        capture_output=True, check=True,
    )  # fmt: skip
    said = (tmp_path / "dbt.log").read_text()
    assert "[info " in said
    assert ("[debug]" in said) is (level == "debug")
