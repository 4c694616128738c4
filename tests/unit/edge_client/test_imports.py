"""The edge client runs where the platform is not installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLATFORM = [
    "alembic",
    "dagster",
    "dbt",
    "fastapi",
    "great_expectations",
    "mlflow",
    "numpy",
    "pandas",
    "psycopg",
    "pyarrow",
    "rich",
    "sqlalchemy",
    "starlette",
    "torch",
    "typer",
    "uvicorn",
    "zstandard",
]

PROGRAM = """
import importlib, json, pkgutil, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in PLATFORM:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import edge_client
for module in pkgutil.walk_packages(edge_client.__path__, "edge_client."):
    if module.name != "edge_client.__main__":
        importlib.import_module(module.name)
import ingestion_api.client
from edge_client.cli import main
assert main(["plant", "--scale", "small"]) == 0
ours = sorted(name for name in sys.modules if name.startswith("ingestion_api"))
print(json.dumps([ours, sorted({name.split(".")[0] for name in sys.modules} & set(PLATFORM))]))
"""


def test_every_module_works_without_the_platform(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", f"PLATFORM = {PLATFORM!r}\n{PROGRAM}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    ours, of_the_platform = json.loads(answer.stdout.splitlines()[-1])
    assert ours == ["ingestion_api", *(f"ingestion_api.{name}" for name in ("client", "client_answers", "contract"))]
    assert of_the_platform == []


def test_nothing_of_the_platform_is_imported_where_it_is_installed(tmp_path: Path) -> None:
    heavy = sorted(set(PLATFORM) - {"rich", "zstandard"})  # httpx takes these along where they are, without need
    program = (
        "import sys, edge_client.cli, edge_client.loop, ingestion_api.client\n"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & set({heavy!r})))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
