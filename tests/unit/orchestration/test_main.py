"""The command line: what a person mistypes is one sentence, not a stack."""

import subprocess
import sys

import pytest


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
