"""Writes days of raw rows to Parquet, and again what changed since. What may be dropped then is `retention`'s."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text
from sqlalchemy.dialects import postgresql

from warehouse import archive_files
from warehouse.archive_content import content_of, count
from warehouse.archived_tables import FAMILIES, ArchivedTable, Family, Piece, bounds, path_of, tables_of, touched_pieces
from warehouse.errors import ArchiveInconsistent
from warehouse.storage_lock import exclusively
from warehouse.tables import archived_days


@dataclass(frozen=True)
class ArchivedDay:
    """A file that was written; `byte_count` is its size."""

    table_name: str
    piece: Piece
    row_count: int
    byte_count: int


@dataclass
class ArchiveSummary:
    """What an archiving did: files written, pieces found unchanged, and pieces left alone with the reason."""

    written: list[ArchivedDay] = field(default_factory=list)
    unchanged_count: int = 0
    left: dict[str, str] = field(default_factory=dict)


def archive(
    engine: Engine,
    directory: Path,
    start: date,
    end: date,
    *,
    families: Sequence[Family] = FAMILIES,
    progress: Callable[[ArchivedDay], None] | None = None,
) -> ArchiveSummary:
    """Archive the UTC days from `start` until before `end`: those that are not, and those touched since.

    Memory does not grow with the rows: they pass through in blocks of some megabytes.

    Raises:
        StorageBusy: Another archiving, restoring or dropping is under way.
    """
    summary = ArchiveSummary()
    with exclusively(engine, directory):
        known = _entries(engine, start, end)
        with engine.connect() as connection:
            touched = touched_pieces(connection, families, start, end)
        for piece, touch_count in touched:
            for table in tables_of(piece.group.family):
                found = known.get((table.name, *piece.key.values()))
                if found is None or found.touch_count != touch_count or not _is_there(directory, found):
                    _archive(engine, directory, table, piece, found, summary, progress)
                else:
                    summary.unchanged_count += 1
    return summary


def archive_piece(engine: Engine, directory: Path, piece: Piece) -> None:
    """Archive one piece that is not dropped. Call it within `exclusively`."""
    for table in tables_of(piece.group.family):
        _write(engine, directory, table, piece)


def _entries(engine: Engine, start: date, end: date) -> dict[tuple[Any, ...], Row[Any]]:
    """The ledger of these days, by its key."""
    query = select(archived_days).where(archived_days.c.day >= start, archived_days.c.day < end)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return {(row.table_name, row.site_code, row.equipment_class, row.day): row for row in rows}


def _archive(
    engine: Engine,
    directory: Path,
    table: ArchivedTable,
    piece: Piece,
    known: Row[Any] | None,
    summary: ArchiveSummary,
    progress: Callable[[ArchivedDay], None] | None,
) -> None:
    if known is not None and known.dropped_at is not None:
        with engine.connect() as connection:
            if count(connection, table, piece):
                summary.left[f"{table.name}: {piece}"] = "rows came after it was dropped; restore it first"
            else:
                summary.unchanged_count += 1
    elif (written := _write(engine, directory, table, piece)) is None:
        summary.unchanged_count += 1
    else:
        summary.written.append(written)
        if progress:
            progress(written)


def _write(engine: Engine, directory: Path, table: ArchivedTable, piece: Piece) -> ArchivedDay | None:
    """Write a file unless its rows are in the one there is; the ledger says how far the touches were either way."""
    # One snapshot for rows, sums and touches: what comes meanwhile is seen as a change the next time.
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        content = content_of(connection, table, table.rows, piece.parameters)
        known = entry(connection, table, piece)
        row: dict[str, Any] = {**piece.key, "table_name": table.name, "touch_count": touches(connection, piece)}
        path = directory / path_of(table, piece)
        is_same = known is not None and (known.row_count, known.checksum) == (content.row_count, content.checksum)
        if known is not None and is_same and _is_intact(directory, known):
            _record(connection, {**known._mapping, **row})
            return None
        row |= vars(content) | {"written_at": datetime.now(UTC), "path": None, "sha256": None, "byte_count": 0}
        if content.row_count:
            file = archive_files.write(connection, table, table.ordered_rows, piece.parameters, path)
            if file.row_count != content.row_count:
                raise ArchiveInconsistent(f"{path}: {file.row_count} rows were written of {content.row_count}")
            row |= {"path": path_of(table, piece).as_posix(), "sha256": file.sha256, "byte_count": file.byte_count}
        _record(connection, row)
    if known is not None and known.path not in {None, row["path"]}:
        # An erasure had renamed it; nobody would erase from it again.
        (directory / known.path).unlink(missing_ok=True)
    return ArchivedDay(table.name, piece, content.row_count, row["byte_count"]) if content.row_count else None


def _is_there(directory: Path, known: Row[Any]) -> bool:
    """Whether a piece's file is there; of dropped ones none is written again."""
    return known.path is None or known.dropped_at is not None or (directory / known.path).exists()


def _is_intact(directory: Path, known: Row[Any]) -> bool:
    return known.path is None or (
        (directory / known.path).exists() and archive_files.sha256(directory / known.path) == known.sha256
    )


def entry(connection: Connection, table: ArchivedTable, piece: Piece) -> Row[Any] | None:
    """What the ledger says of a piece; None where it is not archived."""
    key = {**piece.key, "table_name": table.name}
    query = select(archived_days).where(*(archived_days.c[name] == value for name, value in key.items()))
    return connection.execute(query).one_or_none()


def _record(connection: Connection, row: dict[str, Any]) -> None:
    statement = postgresql.insert(archived_days).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            constraint=archived_days.primary_key, set_={name: statement.excluded[name] for name in row}
        )
    )


def touches(connection: Connection, piece: Piece) -> int:
    """How often loads have touched the piece's site that day; of alarms, how many changes they have."""
    if piece.group.family == "alarms":
        return sum(count(connection, table, piece) for table in tables_of("alarms"))
    start, end = bounds(piece.day)
    query = text(
        "select coalesce(sum(touch_count), 0) from raw.touched_hours "
        "where site_code = :site_code and hour >= :start and hour < :end"
    )
    return int(connection.execute(query, {"site_code": piece.group.site_code, "start": start, "end": end}).scalar_one())
