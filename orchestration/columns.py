"""The columns of a table, as Dagster shows them on its asset. What the tables are is `warehouse.tables`'."""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
from sqlalchemy import Column, Dialect, Table
from sqlalchemy.dialects import postgresql

from warehouse.tables import api_metadata, warehouse_metadata

_DIALECT: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]
_TABLES: Final = {**api_metadata.tables, **warehouse_metadata.tables}


def table_metadata(schema: str, name: str) -> Mapping[str, Any]:
    """The metadata of an asset that is a table: its name in the database, and its columns.

    Raises:
        KeyError: No such table is declared in `warehouse.tables`.
    """
    table = f"{schema}.{name}"
    return {"dagster/table_name": table, "dagster/column_schema": table_schema(_TABLES[table])}


def table_schema(table: Table) -> dg.TableSchema:
    """The columns of a table: PostgreSQL's types, what may be null, what makes up the key."""
    return dg.TableSchema(columns=[_column(column) for column in table.columns])


def _column(column: Column[Any]) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.type.compile(dialect=_DIALECT).lower(),
        description=column.comment,
        constraints=dg.TableColumnConstraints(
            nullable=bool(column.nullable), other=["primary key"] if column.primary_key else []
        ),
    )
