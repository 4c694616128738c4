"""Which columns a column of a dbt model is computed from, read from the model's SQL. How Dagster shows it is not here.

dagster-dbt can do the same for a connection of its own to the warehouse and a query for each parent; here the contracts
and `warehouse.tables` say what columns there are. What a column is filtered or joined by is not part of its lineage.
See https://docs.dagster.io/guides/build/assets/metadata-and-tags/column-level-lineage
"""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final, cast

from orchestration.manifest import DBT_PROJECT, project_hash
from warehouse.tables import warehouse_metadata

# By column, the ids of the nodes it comes from, each with a column of theirs.
Lineage = dict[str, list[tuple[str, str]]]
_CACHE: Final = DBT_PROJECT / "target" / "column_lineage"
_DIALECT: Final = "postgres"
_log = logging.getLogger(__name__)


def lineage_of(manifest: Mapping[str, Any], unique_id: str, compiled: Path) -> Lineage:
    """The lineage of a model's columns; it is worked out once for each state of the dbt project (some 60 ms a model).

    Args:
        manifest: dbt's.
        unique_id: The model's.
        compiled: Its SQL as dbt compiled it.

    Returns:
        By column; nothing where the SQL is beyond sqlglot, which the log tells.
    """
    kept = _CACHE / project_hash() / f"{unique_id}.json"
    # What is only shown must not stop what is built, whatever the parser makes of SQL to come.
    try:
        if kept.is_file():
            return _read(kept)
        lineage = _worked_out(manifest, unique_id, compiled.read_text())
    except Exception as error:
        _log.warning("no lineage of the columns of %s: %s", unique_id, error)
        return {}
    try:
        _keep(kept, lineage)
    except OSError as error:
        _log.info("the lineage of %s is worked out anew each time: %s", unique_id, error)
    return lineage


def _read(kept: Path) -> Lineage:
    found = json.loads(kept.read_text())
    return {column: [(node, name) for node, name in nodes] for column, nodes in found.items()}


def _worked_out(manifest: Mapping[str, Any], unique_id: str, sql: str) -> Lineage:
    from sqlglot import MappingSchema, exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    schema, parents = MappingSchema(dialect=_DIALECT), dict[tuple[str, str], str]()
    for parent_id in set(_parents(manifest, unique_id)):
        parent = _node(manifest, parent_id)
        parents[parent["schema"], parent["name"]] = parent_id
        schema.add_table(exp.table_(parent["name"], db=parent["schema"]), _columns(parent), dialect=_DIALECT)
    parsed = parse_one(sql, dialect=_DIALECT)
    for relation in parsed.find_all(exp.Table):
        relation.set("catalog", None)  # the manifest need not know the database's name
        # What macros read beside the parents (dbt_project/macros/judged.sql) has no part in what is told.
        if (relation.db, relation.name) not in parents and (columns := _raw_columns(relation.db, relation.name)):
            schema.add_table(exp.table_(relation.name, db=relation.db), columns, dialect=_DIALECT)
    query = cast(exp.Query, qualify(parsed, schema=schema, dialect=_DIALECT))
    scope = build_scope(query)
    return {
        column: sorted(
            {
                (parents[table.db, table.name], exp.to_column(node.name).name)
                for node in lineage(column, query, schema, scope=scope, dialect=_DIALECT, trim_selects=False).walk()
                # The leaves alone; `count(*)` comes from no column.
                if not node.downstream and not node.name.endswith("*")
                if (table := node.expression.find(exp.Table)) and (table.db, table.name) in parents
            }
        )
        for column in query.named_selects
    }


def _parents(manifest: Mapping[str, Any], unique_id: str) -> Iterator[str]:
    """What a model reads: ephemeral models are part of its SQL, so their parents are its own."""
    for parent_id in manifest["nodes"][unique_id]["depends_on"]["nodes"]:
        if _node(manifest, parent_id).get("config", {}).get("materialized") == "ephemeral":
            yield from _parents(manifest, parent_id)
        else:
            yield parent_id


def _node(manifest: Mapping[str, Any], unique_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = manifest["sources" if unique_id.startswith("source.") else "nodes"][unique_id]
    return found


def _columns(parent: Mapping[str, Any]) -> dict[str, str]:
    """Columns and types. Of sources dbt documents none: migrations own them."""
    if parent["resource_type"] == "source":
        return _raw_columns(parent["schema"], parent["name"])
    return {name: column.get("data_type") or "text" for name, column in parent["columns"].items()}


def _raw_columns(schema: str, name: str) -> dict[str, str]:
    table = warehouse_metadata.tables.get(f"{schema}.{name}")
    return {column.name: "text" for column in table.columns} if table is not None else {}


def _keep(path: Path, lineage: Lineage) -> None:
    """Write it so that no reader ever sees a part; runs may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False) as file:
        json.dump(lineage, file)
    Path(file.name).replace(path)
