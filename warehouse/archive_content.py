"""What tells rows of a table from other rows: their number and the sum of their hashes. Files are `archive_files`'."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from warehouse.archived_tables import ArchivedTable, Piece


@dataclass(frozen=True)
class Content:
    """What tells rows from other rows: how many, and the sum of their hashes, whatever their order."""

    row_count: int
    checksum: int
    first_event_at: datetime | None
    last_event_at: datetime | None


def content_of(connection: Connection, table: ArchivedTable, rows: str, parameters: dict[str, object]) -> Content:
    """Count and sum up rows that are given by SQL, with `table`'s columns."""
    names = ", ".join(f"p.{name}" for name in table.columns)
    query = f"""
        select count(*), coalesce(sum(hashtextextended(cast(row({names}) as text), 0)), 0),
            min(p.{table.time}), max(p.{table.time})
        from ({rows}) as p
    """
    found: tuple[Any, ...] = connection.exec_driver_sql(query, parameters).one()
    return Content(*found)


def count(connection: Connection, table: ArchivedTable, piece: Piece) -> int:
    """How many rows a table has of a piece."""
    query = f"select count(*) from ({table.rows}) as p"
    return int(connection.exec_driver_sql(query, piece.parameters).scalar_one())
