"""The manifest: found or missed with a way out; the project's hash changes with the project alone."""

import json
from pathlib import Path

import pytest

from orchestration.errors import ManifestMissing
from orchestration.manifest import load_manifest, project_hash


def write(path: Path, *, checksum: str = "a", macro: str = "b", generated_at: str = "c") -> Path:
    content = {
        "metadata": {"generated_at": generated_at},
        "nodes": {"model.millrace.x": {"checksum": {"checksum": checksum}}},
        "macros": {"macro.millrace.y": {"macro_sql": macro}, "macro.dbt.z": {"macro_sql": generated_at}},
    }
    path.write_text(json.dumps(content))
    return path


def test_a_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ManifestMissing, match="make setup"):
        load_manifest(tmp_path / "manifest.json")


def test_the_hash_follows_models_and_macros_and_not_the_clock(tmp_path: Path) -> None:
    one = project_hash(write(tmp_path / "1"))
    assert project_hash(write(tmp_path / "2", generated_at="later")) == one
    assert project_hash(write(tmp_path / "3", checksum="other")) != one
    assert project_hash(write(tmp_path / "4", macro="other")) != one
