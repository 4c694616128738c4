"""Writes dumps of both databases as this checkout makes them, with a few rows in each table, for test_upgrade.py.

Run it in the checkout of a release: `python tests/upgrade_dump.py tests/data/upgrade`. Later versions must upgrade
what it writes.
"""

import re
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, MetaData, NullPool, text

from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.migrate import METADATA, migrate
from warehouse.postgres_binaries import program_directory
from warehouse.postgres_cluster import server_environment

ROWS = 3
START = datetime(2026, 3, 1, 6, tzinfo=UTC)
# What check constraints let through; `table.column` wins over `column`.
ALLOWED: dict[str, Any] = {
    "kind": "readings",
    "alarm_rules.kind": "limit",
    "origin": "push",
    "status": "open",
    "unit": "requests",
    "severity": "high",
    "operator": ">=",
    "state": "raised",
    "transition": "raised",
    "time_zone": "Europe/Berlin",
    "scopes": ["push", "pull"],
}
_NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|SET transaction_timeout.*)$\n?", re.MULTILINE)


def value(column: Column[Any], row: int) -> Any:
    """Something of the column's type; the same name gives the same value, so that keys fit together."""
    for name in (f"{column.table.name}.{column.name}", column.name):
        if name in ALLOWED:
            return ALLOWED[name]
    kind = dict if isinstance(column.type, JSON) else column.type.python_type
    made = {
        str: f"{column.name}-{row}",
        int: row,
        float: row + 0.5,
        Decimal: Decimal(row),
        bool: False,
        bytes: f"{column.table.name}-{column.name}-{row}".encode(),
        datetime: START + timedelta(hours=row),
        date: START.date(),
        dict: {"row": row},
        list: [f"{column.name}-{row}"],
        UUID: UUID(int=row),
    }
    return made[kind]


def fill(url: str, metadata: MetaData) -> None:
    """Put rows into every table."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column.identity is None]
            for row in range(1, ROWS + 1):
                connection.execute(table.insert().values({column.name: value(column, row) for column in columns}))
        connection.execute(text("analyze"))


def dump(server: EmbeddedPostgres, database: str) -> str:
    """The database as statements that any driver runs."""
    program = program_directory(Path(tempfile.gettempdir()), None) / "pg_dump"
    options = ["--inserts", "--column-inserts", "--no-owner", "--no-privileges", "--no-tablespaces"]
    password = (server.data_dir / "postgres.password").read_text()
    done = subprocess.run(
        [program, *options, "-h", "127.0.0.1", "-p", str(server.port), "-U", "millrace", database],
        env={**server_environment(), "PGPASSWORD": password},
        check=True,
        capture_output=True,
        text=True,
    )
    return re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", done.stdout)).strip() + "\n"


def main(folder: Path) -> None:
    """Make, fill and dump both databases; a file is named after its revision."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="millrace-dump-") as home:
        server = EmbeddedPostgres(home, 28_471)
        server.start()
        try:
            for branch in ("api", "warehouse"):
                server.ensure_database(branch)
                migrate(server.url(branch), branch)
                fill(server.url(branch), METADATA[branch])
                with create_engine(server.url(branch), poolclass=NullPool).connect() as connection:
                    revision = connection.scalar(text(f"select version_num from alembic_version_{branch}"))
                (folder / f"{revision}.sql").write_text(dump(server, branch))
                print(f"wrote {folder / f'{revision}.sql'}")
        finally:
            server.remove()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
