"""The registry: reads and writes of the entities, each change logged with itself. Rules are in `entities`."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Table, func, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import IntegrityError

from ingestion_api import registry_log
from ingestion_api.entities import Shape
from ingestion_api.errors import DependencyMissing, InvalidEntity, MalformedRequest, NotThere
from ingestion_api.store import Store

Row = dict[str, Any]

# PostgreSQL leaves xmax empty on a row that nobody has replaced.
_IS_NEW = literal_column("xmax = 0", Boolean)


@dataclass(frozen=True)
class Put:
    """What a PUT left behind: the row, and whether it is new."""

    row: Row
    is_new: bool


@dataclass(frozen=True)
class Page:
    """Some rows in the order of their codes; `next_after` names the last one where more follow."""

    rows: list[Row]
    next_after: str | None


class Registry:
    """The registry of every site."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, shape: Shape, site_code: str, codes: tuple[str, ...], body: bytes, changed_by: str) -> Put:
        """Create or replace one entity. Putting what already stands changes nothing and logs nothing.

        Raises:
            MalformedRequest: The body is not JSON.
            InvalidEntity: The payload or a code breaks a rule.
            DependencyMissing: The site, or a signal's equipment, is not registered.
        """
        keys = shape.keys(site_code, codes)
        payload = _decode(shape, body)
        row = {**keys, **msgspec.to_builtins(payload)}
        upsert = _upsert(shape.table, keys, msgspec.structs.asdict(payload)).returning(_IS_NEW)
        try:
            async with self._store.transaction() as connection:
                await registry_log.lock(connection, site_code)
                is_new = (await connection.execute(upsert)).scalar_one_or_none()
                if is_new is not None:
                    change = {"/".join(codes): row}
                    await registry_log.append(connection, site_code, shape.entity, change, changed_by)
        except IntegrityError as error:
            missing = f"equipment {codes[0]!r}" if shape.entity == "signals" else f"site {site_code!r}"
            raise DependencyMissing(f"{missing} is not registered yet: PUT it first") from error
        return Put(row, bool(is_new))

    async def get(self, shape: Shape, site_code: str, codes: tuple[str, ...]) -> Row:
        """Return one entity.

        Raises:
            InvalidEntity: A code can name nothing.
            NotThere: The site has no such entity.
        """
        table = shape.table
        matches = [table.c[name] == code for name, code in shape.keys(site_code, codes).items()]
        async with self._store.statements() as connection:
            found = (await connection.execute(select(*_shown(table)).where(*matches))).mappings().one_or_none()
        if found is None:
            raise NotThere(f"site {site_code!r} has no {shape.path} {'/'.join(codes)!r}")
        return dict(found)

    async def page(self, shape: Shape, site_code: str, after: str, limit: int) -> Page:
        """Return the entities whose codes follow `after`."""
        table = shape.table
        code = tuple_(*(table.c[name] for name in shape.code_columns))
        start = tuple(after.split("/", len(shape.code_columns) - 1)) if after else ()
        wanted = select(*_shown(table)).where(table.c.site_code == site_code).order_by(*code).limit(limit + 1)
        if len(start) == len(shape.code_columns):
            wanted = wanted.where(code > start)
        async with self._store.statements() as connection:
            rows = [dict(row) for row in (await connection.execute(wanted)).mappings()]
        if len(rows) <= limit:
            return Page(rows, None)
        return Page(rows[:limit], "/".join(rows[limit - 1][name] for name in shape.code_columns))


def _decode(shape: Shape, body: bytes) -> msgspec.Struct:
    try:
        return msgspec.json.decode(body, type=shape.payload)
    except msgspec.ValidationError as error:
        raise InvalidEntity(str(error)) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is not valid JSON: {error}") from error


def _shown(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if column.name != "updated_at"]


def _upsert(table: Table, keys: Row, payload: Row) -> Insert:
    """Build a statement that writes one row, unless it already stands as wanted."""
    statement = insert(table).values(**keys, **payload)
    changed = [table.c[name].is_distinct_from(statement.excluded[name]) for name in payload]
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={**{name: statement.excluded[name] for name in payload}, "updated_at": func.now()},
        where=or_(*changed),
    )
