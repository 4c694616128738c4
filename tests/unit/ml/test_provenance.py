"""Which code this is."""

import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from ml import provenance


def test_in_a_checkout_it_is_the_commit() -> None:
    package = Path(provenance.__file__).parent
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    answer = subprocess.run([git, "-C", str(package), "rev-parse", "HEAD"], capture_output=True, text=True)
    if answer.returncode != 0:
        pytest.skip("this is not a git checkout")
    assert provenance.code_version().removesuffix("-dirty") == answer.stdout.strip()


def test_without_git_it_is_the_installed_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert re.fullmatch(r"millrace \d+\.\d+\.\d+", provenance.code_version())


def test_outside_a_checkout_it_is_the_installed_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    assert provenance.code_version().startswith("millrace ")


def test_the_environment_lists_what_is_installed() -> None:
    first, *installed = provenance.environment().splitlines()
    assert first.startswith("# Python 3.")
    assert f"numpy=={version('numpy')}" in installed
    assert installed == sorted(installed, key=str.lower)
