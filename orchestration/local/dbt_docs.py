"""Builds the documentation of the models with dbt, and serves it on loopback. What it says is written in dbt_project.

One page holds all of it: descriptions, columns, tests, lineage. With a warehouse it also tells the tables as they are.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError

from orchestration.dbt_environment import dbt_environment
from orchestration.local.errors import DocsNotBuilt, PortTaken
from orchestration.manifest import DBT_PROJECT
from warehouse.engine import create_engine
from warehouse.errors import NotStarted
from warehouse.settings import WarehouseSettings

LOOPBACK = "127.0.0.1"
FOLDER = DBT_PROJECT / "target" / "docs"


def reachable_warehouse(settings: WarehouseSettings) -> str | None:
    """URL of the warehouse of these settings; None where it does not run."""
    try:
        dsn = settings.warehouse_dsn()
        with create_engine(dsn, poolclass=NullPool).connect() as connection:
            connection.execute(text("select 1"))
    except (NotStarted, OperationalError):
        return None
    return dsn


def build(dsn: str | None, folder: Path = FOLDER) -> Path:
    """Write the page.

    Args:
        dsn: The warehouse whose tables are told along; None, the page is made of the project alone.
        folder: Where dbt may write; it is made.

    Returns:
        A folder that holds nothing but the page, `index.html`.

    Raises:
        DocsNotBuilt: dbt failed; it has said why.
    """
    if dsn is None:
        _dbt(os.environ, folder, "parse")
        _dbt(os.environ, folder, "docs", "generate", "--static", "--empty-catalog", "--no-compile")
    else:
        _dbt({**os.environ, **dbt_environment(dsn)}, folder, "docs", "generate", "--static")
    site = folder / "site"
    site.mkdir(exist_ok=True)
    shutil.move(folder / "static_index.html", site / "index.html")
    return site


def _dbt(environment: Mapping[str, str], folder: Path, *command: str) -> None:
    dbt = Path(sys.executable).with_name("dbt")
    places = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    places += ["--target-path", str(folder), "--log-path", str(folder / "logs")]
    arguments = [str(dbt), "--quiet", *command, *places]
    if subprocess.run(arguments, env=environment, check=False).returncode:
        raise DocsNotBuilt("dbt could not build the docs; what it says above tells which file to mend")


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing: a terminal full of requests hides the address."""


def open_server(site: Path, port: int) -> ThreadingHTTPServer:
    """Listen on loopback for readers of a folder; `serve_forever` then answers them.

    Raises:
        PortTaken: Another program listens there.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(_QuietHandler, directory=str(site)))
    except OSError as error:
        raise PortTaken(f"port {port} for the docs is taken; say make docs DOCS_PORT=<another>") from error
