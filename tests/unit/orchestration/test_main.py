"""The command line: what a person mistypes is one sentence, not a stack."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "--hour", "3"], "No such option '--hour'"),
        (["as-known-at", "yesterday"], "Invalid isoformat string: 'yesterday'"),
        (["docs", "--port", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_argument_is_said_in_a_sentence(arguments: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "orchestration", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def doctor(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestration", "doctor"]
    own = {"MILLRACE_DATA_DIR": str(tmp_path / "data"), **environment}
    return subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, cwd=ROOT)


def test_the_doctor_works_where_nothing_runs(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert "none was ever started here" in done.stdout
    assert "→ make up" in done.stdout
    assert done.stderr == ""
    assert not (tmp_path / "data").exists()


def test_the_doctor_exits_1_where_a_line_failed(tmp_path: Path) -> None:
    done = doctor(tmp_path, MILLRACE_WAREHOUSE_URL="postgresql://plant:hunter2@127.0.0.1:1/warehouse")
    assert done.returncode == 1
    assert "failed   databases answer" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
