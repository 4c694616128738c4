"""Importing ml stays light: Dagster loads the module, not the libraries."""

import subprocess
import sys

HEAVY = {"torch", "mlflow", "sklearn", "pandas", "river", "matplotlib", "scipy"}


def test_the_modules_that_others_call_bring_no_heavy_library() -> None:
    script = "import sys, ml.train, ml.score, ml.drift, ml.registry, ml.rollback, ml.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)
