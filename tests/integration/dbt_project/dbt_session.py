"""Runs dbt commands from stdin, one JSON list of arguments a line, on the project as parsed before. Judges nothing.

A process of its own: dbt changes global state, and `make test` makes errors of the warnings of what it imports.
"""

import contextlib
import gc
import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

from orchestration.dbt_command import parsed_project, spare_unheard_events

PROJECT = Path(__file__).parents[3] / "dbt_project"


def main(scratch: str) -> None:
    """Answer each command with a line of JSON: whether it succeeded, and what failed."""
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    places += ["--target-path", f"{scratch}/target", "--log-path", f"{scratch}/logs"]
    # Nobody reads what it writes beside the tables, and that takes a tenth of the time.
    places += ["--no-write-json", "--log-level-file", "none"]
    spare_unheard_events()
    with contextlib.redirect_stdout(sys.stderr):
        project = parsed_project([]) or dbtRunner().invoke(["--quiet", "parse", *places]).result
    gc.freeze()  # as orchestration/dbt_command.py does
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            # A run injects the ephemeral models into the manifest it is given.
            runner = dbtRunner(manifest=project and project.deepcopy())
            outcome = runner.invoke(["--quiet", *json.loads(line), *places])
        results = getattr(outcome.result, "results", [])
        bad = [f"{r.node.name}: {r.message}" for r in results if r.status in {"error", "fail", "warn", "runtime error"}]
        if outcome.exception is not None:
            bad.append(str(outcome.exception))
        print(json.dumps({"is_success": outcome.success, "messages": bad, "count": len(results)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
