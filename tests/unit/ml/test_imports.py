"""Importing ml stays light: Dagster loads the module, not the libraries."""

import subprocess
import sys

HEAVY = {"torch", "mlflow", "sklearn", "pandas", "matplotlib", "scipy"}


def test_the_modules_that_others_call_bring_no_heavy_library() -> None:
    modules = "ml.train, ml.score, ml.drift, ml.drift_features, ml.report, ml.registry, ml.rollback, ml.__main__"
    modules += ", ml.rul.train, ml.rul.predict"
    script = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)


def test_what_is_stored_with_a_model_of_remaining_life_needs_little() -> None:
    """Issue 5: it is loaded where nothing of ours is installed, nor what only the platform needs."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, ml.rul.model; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert (HEAVY | {"sqlalchemy", "pydantic", "psycopg", "warehouse"}).isdisjoint(loaded)
