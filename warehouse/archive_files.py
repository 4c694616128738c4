"""The archive's Parquet files: written whole or not at all, read back into a temporary table. Which: `archive`."""

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from sqlalchemy import Connection

from warehouse.archived_tables import ArchivedTable
from warehouse.errors import ArchiveDamaged

_ROWS_AT_ONCE = 65_536
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class File:
    """A file that was written."""

    row_count: int
    byte_count: int
    sha256: str


def write(
    connection: Connection, table: ArchivedTable, rows: str, parameters: Mapping[str, object], path: Path
) -> File:
    """Write rows that are given by SQL with `table`'s columns, of which there must be some, block by block.

    A reader finds the old file or the new one, and after a crash too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(".*.parquet.*"):  # of a writer that was killed: there is one at a time
        leftover.unlink()
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        row_count = 0
        with (
            _copied_out(connection, f"copy ({rows}) to stdout (format csv)", parameters) as stream,
            unfinished.open("wb") as file,
        ):
            blocks = csv.open_csv(
                stream, _read_options(table.schema), csv.ParseOptions(newlines_in_values=True), _convert(table)
            )
            with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
                for block in blocks:
                    writer.write_batch(block)
                    row_count += block.num_rows
            file.flush()
            os.fsync(file.fileno())
        written = File(row_count, unfinished.stat().st_size, sha256(unfinished))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(path.parent)
    return written


def stage(connection: Connection, table: ArchivedTable, path: Path, expected_sha256: str) -> str:
    """Read a file into a temporary table that lives until the end of the transaction, and return its name.

    Raises:
        ArchiveDamaged: The file is not there, or is not the one that was written.
    """
    if not path.exists():
        raise ArchiveDamaged(f"{path} is not there: bring it back from a backup")
    if sha256(path) != expected_sha256:
        raise ArchiveDamaged(f"{path} is not what was written: bring it back from a backup")
    name = create_stage(connection, table)
    names = ", ".join(table.schema.names)
    with (
        pq.ParquetFile(path) as file,
        _cursor(connection) as cursor,
        cursor.copy(f"copy {name} ({names}) from stdin (format csv)") as target,
    ):
        for block in file.iter_batches(_ROWS_AT_ONCE):
            buffer = io.BytesIO()
            csv.write_csv(block, buffer, csv.WriteOptions(include_header=False, quoting_style="needed"))
            target.write(buffer.getvalue())
    return name


def create_stage(connection: Connection, table: ArchivedTable) -> str:
    """Create the temporary table of `stage`, or empty it."""
    name = f"archived_{table.name}"
    connection.exec_driver_sql(
        f"create temp table if not exists {name} on commit drop as {table.all_rows} with no data"
    )
    connection.exec_driver_sql(f"truncate {name}")
    return name


def sha256(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_options(schema: pa.Schema) -> csv.ReadOptions:
    return csv.ReadOptions(column_names=schema.names, block_size=_BLOCK_BYTES, use_threads=False)


def _convert(table: ArchivedTable) -> csv.ConvertOptions:
    """PostgreSQL quotes empty text and leaves NULL bare."""
    return csv.ConvertOptions(
        column_types=table.schema,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )


class _Stream(io.RawIOBase):
    """What COPY sends, as a file."""

    def __init__(self, copy: Any) -> None:
        self._copy = copy
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(self._copy.read())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


@contextmanager
def _copied_out(connection: Connection, statement: str, parameters: Mapping[str, object]) -> Iterator[Any]:
    with _cursor(connection) as cursor, cursor.copy(statement, parameters) as copy:
        yield io.BufferedReader(_Stream(copy), _BLOCK_BYTES)


def _cursor(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    if driver is None:
        raise ValueError("the connection is closed")
    return driver.cursor()


def _sync(directory: Path) -> None:
    """Make a rename last."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
