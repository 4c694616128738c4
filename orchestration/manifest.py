"""Finds what dbt prepared for Dagster, and tells when its models have changed. How models become assets is not here."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from orchestration.errors import ManifestMissing

DBT_PROJECT: Final = Path(__file__).resolve().parents[1] / "dbt_project"
MANIFEST: Final = DBT_PROJECT / "target" / "manifest.json"


def is_manifest_current() -> bool:
    """Whether dbt parsed the project since it was changed."""
    sources = [path for kind in ("*.sql", "*.yml", "*.csv") for path in DBT_PROJECT.rglob(kind)]
    newest = max(path.stat().st_mtime for path in sources if MANIFEST.parent not in path.parents)
    return MANIFEST.exists() and MANIFEST.stat().st_mtime >= newest


def prepare_manifest() -> None:
    """Let dbt parse the project where the manifest is missing or older than the project. Takes some ten seconds."""
    if is_manifest_current():
        return
    dbt = Path(sys.executable).with_name("dbt")
    where = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    subprocess.run([str(dbt), "--quiet", "parse", *where], check=True)
    # dbt leaves a manifest alone that would come out the same.
    MANIFEST.touch()


@cache
def load_manifest(path: Path = MANIFEST) -> Mapping[str, Any]:
    """Read the manifest.

    Raises:
        ManifestMissing: `dbt parse` was never run.
    """
    try:
        manifest: Mapping[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise ManifestMissing(f"{path} does not exist; run `make setup` (it runs `dbt parse`)") from None
    return manifest


@cache
def project_hash(path: Path = MANIFEST) -> str:
    """A hash of the models, seeds and macros; parsing the same project again gives the same hash."""
    manifest = load_manifest(path)
    parts = {name: node["checksum"]["checksum"] for name, node in manifest["nodes"].items()}
    parts |= {name: macro["macro_sql"] for name, macro in manifest["macros"].items() if ".millrace." in name}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
