"""Erases a worker from the warehouse: the code gives way to a pseudonym, wherever it stands (C39).

No row is deleted but the name, so that every total stays what it was, and a rebuild from raw gives the same marts. What
the API's database holds is `ingestion_api.erasure`'s, and comes first: what is loaded later bears the pseudonym then.
"""

from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, delete, text
from sqlalchemy.dialects import postgresql

from warehouse import ingest_ledger
from warehouse.errors import NotErased
from warehouse.load_registry import REGISTRY
from warehouse.tables import erasures, worker_names
from warehouse.timescale import capabilities

# Whatever has a worker's code in it, dbt's tables and copies of them included. Views follow by themselves, and so do
# the chunks of a hypertable.
_PLACES = text(
    """
    select format('%I.%I', table_schema, table_name) as relation, array_agg(cast(column_name as text)) as columns
    from information_schema.columns join information_schema.tables using (table_catalog, table_schema, table_name)
    where table_type = 'BASE TABLE'
    and table_schema not in ('pg_catalog', 'information_schema', 'restricted')
    and table_schema not like '\\_timescaledb%'
    and column_name in ('site_code', 'worker_code', 'active_since', 'subject_kind', 'subject_code')
    group by table_schema, table_name
    order by table_schema, table_name
    """
)
_REGISTRY = text(
    """
    update raw.registry_changes set
        code = :pseudonym,
        payload = payload || jsonb_build_object('worker_code', cast(:pseudonym as text), 'active_since', null)
    where site_code = :site_code and entity = 'workers' and code = :worker_code
    """
)


def erase_worker(engine: Engine, site_code: str, worker_code: str, pseudonym: str) -> dict[str, int]:
    """Put a pseudonym in the place of a worker's code in every table, in one transaction.

    Loads of the site and builds wait meanwhile: a build of a table that has begun ends first, and one that begins later
    reads the pseudonym. (Only a table that is created for the first time at this moment is not known here.)
    A load that had pulled its page before the inbox was rewritten may bring the code back; saying it again finds that.

    Args:
        engine: Of the warehouse.
        site_code: Whose worker.
        worker_code: The code to forget.
        pseudonym: What the API's database has now in its place.

    Returns:
        Table: rows changed, those without any left out.

    Raises:
        NotErased: The pseudonym is empty, or the code itself.
    """
    require_pseudonym(worker_code, pseudonym)
    codes = {"site_code": site_code, "worker_code": worker_code, "pseudonym": pseudonym}
    with engine.begin() as connection:
        for kind in ("events", REGISTRY):
            ingest_ledger.lock(connection, site_code, kind)
        places = [place for place in connection.execute(_PLACES).all() if _column(place)]
        # Also those without the code: a build that reads raw rows as they are now may be about to write it there.
        relations = ", ".join(f"only {place.relation}" for place in places)
        connection.execute(text(f"lock table {relations} in row exclusive mode"))
        changed = {place.relation: _rename(connection, place, codes) for place in places}
        changed["raw.registry_changes"] = connection.execute(_REGISTRY, codes).rowcount
        named = delete(worker_names).where(
            worker_names.c.site_code == bindparam("site_code"), worker_names.c.worker_code == bindparam("worker_code")
        )
        changed["restricted.worker_names"] = connection.execute(named, codes).rowcount
        record_erasure(connection, site_code, pseudonym)
    return {table: count for table, count in changed.items() if count}


def require_pseudonym(worker_code: str, pseudonym: str) -> None:
    """Refuse what would erase nothing.

    Raises:
        NotErased: The pseudonym is empty, or the code itself.
    """
    if worker_code == pseudonym or not pseudonym:
        raise NotErased(
            "The pseudonym must be another code: take the one that `python -m ingestion_api erase-worker` gave."
        )


def record_erasure(connection: Connection, site_code: str, pseudonym: str) -> None:
    """Say in the tables that they have seen an erasure."""
    row = {"site_code": site_code, "pseudonym": pseudonym}
    connection.execute(postgresql.insert(erasures).values(row).on_conflict_do_nothing())


def worker_codes(engine: Engine, site_code: str) -> set[str]:
    """All codes of a site's workers, wherever they stand."""
    with engine.connect() as connection:
        queries = [
            "select code from raw.registry_changes where site_code = :site_code and entity = 'workers'",
            "select worker_code from restricted.worker_names where site_code = :site_code",
        ]
        for place in connection.execute(_PLACES).all():
            if named := _column(place):
                queries.append(f"select {named[0]} from {place.relation} where site_code = :site_code and {named[1]}")
        found = connection.scalars(text(" union ".join(queries)), {"site_code": site_code})
        return {code for code in found if code is not None}


def _column(place: Row[Any]) -> tuple[str, str] | None:
    """The column that holds workers' codes and the condition under which it does; None where there is none."""
    if "site_code" not in place.columns:
        return None
    if "worker_code" in place.columns:
        return "worker_code", "true"
    if {"subject_kind", "subject_code"} <= set(place.columns):
        return "subject_code", "subject_kind = 'worker'"
    return None


def _rename(connection: Connection, place: Row[Any], codes: dict[str, str]) -> int:
    named = _column(place)
    if named is None:
        return 0
    column, condition = named
    where = f"site_code = :site_code and {column} = :worker_code and {condition}"
    # Since when somebody works here may say who they are.
    tenure = ", active_since = null" if "active_since" in place.columns else ""
    count = 0
    # Chunk by chunk: the code is in the key, and TimescaleDB updates no key of a hypertable that has compressed chunks.
    parts = connection.execute(
        text(f"select distinct cast(tableoid as regclass) from {place.relation} where {where}"), codes
    )
    names: list[str] = list(parts.scalars())
    for part in names:
        _decompress(connection, part)
        renamed = connection.execute(text(f"update {part} set {column} = :pseudonym{tenure} where {where}"), codes)
        count += renamed.rowcount
    return count


def _decompress(connection: Connection, part: str) -> None:
    """Open a chunk that is compressed; the next compression takes it again."""
    if capabilities(connection).has_compression:
        is_chunk = text(
            "select exists (select from timescaledb_information.chunks where is_compressed "
            "and cast(format('%I.%I', chunk_schema, chunk_name) as regclass) = cast(:part as regclass))"
        )
        if connection.scalar(is_chunk, {"part": part}):
            connection.execute(text("select decompress_chunk(cast(:part as regclass), true)"), {"part": part})
