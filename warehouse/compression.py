"""Compresses chunks that have grown cold, where the server is community TimescaleDB (S0-038). When is Dagster's to say.

A compressed chunk takes late rows and revisions like any other; what they touch is compressed anew by the next call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from warehouse.ownership import require_owner
from warehouse.timescale import capabilities

# What a row is looked up by segments the batches, so that a late row opens few of them.
_SEGMENT_BY = {
    "raw.readings": ("signal_id",),
    "raw.events": ("site_code",),
    "ml.scores": ("site_code", "equipment_code"),
}
_COLD = text(
    """
    select format('%I.%I', chunk_schema, chunk_name) as chunk, range_start from timescaledb_information.chunks
    where format('%s.%s', hypertable_schema, hypertable_name) = :table and range_end <= :until
    order by range_start
    """
)
_IS_ENABLED = text(
    "select compression_enabled from timescaledb_information.hypertables "
    "where format('%s.%s', hypertable_schema, hypertable_name) = :table"
)
# Compressed and nothing else: rows that came later make a chunk `partial` or `unordered` too.
_IS_DONE = text("select _timescaledb_functions.chunk_status_text(cast(:chunk as regclass)) = '{COMPRESSED}'")
_SIZES = text(
    """
    select before_compression_total_bytes as before, after_compression_total_bytes as after
    from chunk_compression_stats(cast(:table as regclass))
    where format('%I.%I', chunk_schema, chunk_name) = :chunk
    """
)


@dataclass(frozen=True)
class CompressedChunk:
    """A chunk that was compressed: bytes of its rows and indexes before and after."""

    table: str
    chunk: str
    range_start: datetime
    before_bytes: int
    after_bytes: int


def compress(
    engine: Engine, until: datetime, *, progress: Callable[[CompressedChunk], None] | None = None
) -> list[CompressedChunk]:
    """Compress the chunks that end at `until` (UTC) or earlier, each in a transaction of its own.

    A chunk that is compressed already is left alone, unless rows came since. Where the server cannot compress, nothing
    is done.

    Raises:
        NotOwner: The login does not own the raw tables.
    """
    done: list[CompressedChunk] = []
    for table, chunk, range_start in _due(engine, until):
        with engine.begin() as connection:
            if connection.scalar(_IS_DONE, {"chunk": chunk}):
                continue
            connection.execute(text("select compress_chunk(cast(:chunk as regclass), true)"), {"chunk": chunk})
            sizes = connection.execute(_SIZES, {"table": table, "chunk": chunk}).one()
        done.append(CompressedChunk(table, chunk, range_start, sizes.before, sizes.after))
        if progress:
            progress(done[-1])
    return done


def _due(engine: Engine, until: datetime) -> list[tuple[str, str, datetime]]:
    with engine.begin() as connection:
        if not capabilities(connection).has_compression:
            return []
        require_owner(connection)
        due: list[tuple[str, str, datetime]] = []
        for table in _SEGMENT_BY:
            _enable(connection, table)
            found = connection.execute(_COLD, {"table": table, "until": until})
            due += [(table, row.chunk, row.range_start) for row in found]
    return due


def _enable(connection: Connection, table: str) -> None:
    """Say how a table is compressed. Done here and not by a migration: a server may become community later."""
    if connection.scalar(_IS_ENABLED, {"table": table}) is False:
        segment_by = ", ".join(_SEGMENT_BY[table])
        connection.execute(
            text(
                f"alter table {table} set (timescaledb.compress, timescaledb.compress_segmentby = '{segment_by}', "
                "timescaledb.compress_orderby = 'event_time')"
            )
        )


def allow_changes(connection: Connection) -> None:
    """Let this transaction change as many compressed rows as it has to; by default TimescaleDB stops at 100,000."""
    connection.execute(text("select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)"))
