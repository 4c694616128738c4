"""What the server can do beyond PostgreSQL, and the calls that use it (D7). Which tables there are: `tables`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection, text

Edition = Literal["community", "apache", "none"]

CHUNK_INTERVAL = timedelta(days=1)  # C46


@dataclass(frozen=True)
class Capabilities:
    """What a database can do.

    Attributes:
        edition: `community` has hypertables, compression and continuous aggregates; `apache` hypertables only.
        version: Of the extension; None where it is not there.
    """

    edition: Edition
    version: str | None

    @property
    def has_hypertables(self) -> bool:
        """Whether tables can be partitioned into chunks by time."""
        return self.edition != "none"

    @property
    def has_compression(self) -> bool:
        """Whether chunks can be compressed."""
        return self.edition == "community"


def capabilities(connection: Connection) -> Capabilities:
    """Ask the server what it can do."""
    version = connection.scalar(text("select extversion from pg_extension where extname = 'timescaledb'"))
    if version is None:
        return Capabilities("none", None)
    license_name = connection.scalar(text("select current_setting('timescaledb.license', true)"))
    return Capabilities("apache" if license_name == "apache" else "community", version)


def enable(connection: Connection) -> Capabilities:
    """Switch the extension on where the server has it loaded; say what there is then."""
    # A setting that its library brings along: which libraries are loaded, an owner who is no superuser may not ask.
    is_loaded = connection.scalar(
        text(
            "select current_setting('timescaledb.max_background_workers', true) is not null "
            "and exists (select 1 from pg_available_extensions where name = 'timescaledb')"
        )
    )
    if is_loaded:
        connection.execute(text("create extension if not exists timescaledb"))
    return capabilities(connection)


def create_hypertable(connection: Connection, schema: str, table: str, time_column: str) -> None:
    """Turn a table into a hypertable of one-day chunks (C46); rows move along, and once is enough.

    The indexes are our own: they are declared in `tables` and the same on every server.
    """
    connection.execute(
        text(
            "select create_hypertable(cast(:relation as regclass), cast(:time_column as name), "
            "chunk_time_interval => :interval, create_default_indexes => false, migrate_data => true, "
            "if_not_exists => true)"
        ),
        {"relation": f"{schema}.{table}", "time_column": time_column, "interval": CHUNK_INTERVAL},
    )
