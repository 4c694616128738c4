"""Writes `docs/schema`: both databases as SQL, as ER diagram (Mermaid) and as DBML. What is in them is `tables`'.

`python -m warehouse.schema_docs` starts a throw-away database, migrates it and writes; with `--check` it only compares.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Dialect, MetaData, Table, make_url
from sqlalchemy.dialects import postgresql

from warehouse.drill import free_port
from warehouse.embedded import EmbeddedPostgres
from warehouse.migrate import METADATA, Branch, migrate
from warehouse.postgres_binaries import program_directory
from warehouse.postgres_cluster import server_environment

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "schema"
BRANCHES: Final[tuple[Branch, ...]] = ("api", "warehouse")
_TITLES: Final = {"api": "The ingestion API's database", "warehouse": "The warehouse"}
_MADE: Final = "written by `make schema-docs` from the migrations and `warehouse/tables`; change those"
# Versions differ from machine to machine; \restrict is a secret of the one dump; settings are psql's.
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)$\n?", re.MULTILINE)


_DIALECT: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, order=True)
class Join:
    """Rows of `many` belong to one row of `one`: by a foreign key, or by nature where `is_enforced` is false."""

    one: str
    many: str
    columns: tuple[tuple[str, str], ...]
    is_enforced: bool
    is_one_to_one: bool = False


def joins(metadata: MetaData) -> list[Join]:
    """Foreign keys, and tables that hold the whole primary key of another under the same names.

    A hypertable and what is loaded by the million bear no foreign keys: each would be looked up for each row.
    """
    found: dict[tuple[str, str], Join] = {}
    tables = sorted(metadata.tables.values(), key=_name)
    for table in tables:
        for constraint in table.foreign_key_constraints:
            pairs = tuple((key.column.name, key.parent.name) for key in constraint.elements)
            referred = _name(constraint.referred_table)
            found[referred, _name(table) + str(pairs)] = Join(referred, _name(table), pairs, is_enforced=True)
    linked = {(join.one, join.many) for join in found.values()}
    # Of a table and its revisions each has the other's key: the one with the shorter key is looked up.
    for one in sorted(tables, key=lambda table: len(table.primary_key)):
        key = tuple(column.name for column in one.primary_key)
        for many in tables:
            names = (_name(one), _name(many))
            if one is many or names in linked or names[::-1] in linked or not set(key) <= set(many.columns.keys()):
                continue
            same = set(key) == {column.name for column in many.primary_key}
            found[names] = Join(*names, tuple((name, name) for name in key), is_enforced=False, is_one_to_one=same)
            linked.add(names)
    return sorted(found.values())


def mermaid(branch: Branch) -> str:
    """The page with the diagram of a database."""
    metadata = METADATA[branch]
    lines = [
        f"# {_TITLES[branch]}",
        "",
        f"This page is {_MADE}.",
        f"The same as SQL: [{branch}.sql]({branch}.sql); as DBML: [{branch}.dbml]({branch}.dbml).",
        "Solid lines are foreign keys, dotted ones joins by keys of the same names. PK: part of the primary key.",
        "",
        "```mermaid",
        "erDiagram",
    ]
    for join in joins(metadata):
        line = "--" if join.is_enforced else ".."
        end = "|o" if join.is_one_to_one else "o{"
        by = ", ".join(many for _, many in join.columns)
        lines.append(f'    {_flat(join.one)} ||{line}{end} {_flat(join.many)} : "{by}"')
    for table in sorted(metadata.tables.values(), key=_name):
        lines.append(f"    {_flat(_name(table))} {{")
        for column in table.columns:
            lines.append(f"        {_type(column)} {column.name}{' PK' if column.primary_key else ''}")
        lines.append("    }")
    lines += ["```", "", "| table | rows |", "|---|---|"]
    lines += [f"| `{_name(table)}` | {table.comment or ''} |" for table in sorted(metadata.tables.values(), key=_name)]
    return "\n".join(lines) + "\n"


def dbml(branch: Branch) -> str:
    """A database in DBML (S4-019)."""
    metadata = METADATA[branch]
    lines = [f"// {_TITLES[branch]}, {_MADE}."]
    for table in sorted(metadata.tables.values(), key=_name):
        lines += ["", f"Table {_name(table)} {{"]
        for column in table.columns:
            settings = [] if column.nullable else ["not null"]
            settings += [f"note: {_quoted(column.comment)}"] if column.comment else []
            lines.append(f'  "{column.name}" "{_type(column)}"' + (f" [{', '.join(settings)}]" if settings else ""))
        lines += ["", "  indexes {", f"    ({', '.join(column.name for column in table.primary_key)}) [pk]"]
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            unique = "unique, " if index.unique else ""
            lines.append(f'    ({", ".join(column.name for column in index.columns)}) [{unique}name: "{index.name}"]')
        lines.append("  }")
        if table.comment:
            lines.append(f"  Note: {_quoted(table.comment)}")
        lines.append("}")
    lines.append("")
    for join in joins(metadata):
        many, one = (", ".join(pair[place] for pair in join.columns) for place in (1, 0))
        sign = "-" if join.is_one_to_one else ">"
        note = "" if join.is_enforced else " // not enforced"
        lines.append(f"Ref: {join.many}.({many}) {sign} {join.one}.({one}){note}")
    return "\n".join(lines) + "\n"


def sql(url: str, branch: Branch) -> str:
    """The schema of a migrated database as pg_dump writes it, without what differs from machine to machine."""
    address = make_url(url)
    schemas = sorted({str(table.schema) for table in METADATA[branch].tables.values()})
    command = [str(program_directory(Path(tempfile.gettempdir()), None) / "pg_dump"), "--schema-only", "--no-owner"]
    command += ["--no-privileges", "--no-tablespaces", "-h", str(address.host), "-p", str(address.port)]
    command += ["-U", str(address.username), "-d", str(address.database), *(f"--schema={name}" for name in schemas)]
    environment = {**server_environment(), "PGPASSWORD": str(address.password)}
    dumped = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    body = re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", dumped)).strip()
    return f"-- {_TITLES[branch]}, {_MADE}.\n\n{body}\n"


def files(urls: dict[Branch, str]) -> Iterator[tuple[Path, str]]:
    """What belongs into the folder, made from migrated databases."""
    for branch in BRANCHES:
        yield FOLDER / f"{branch}.md", mermaid(branch)
        yield FOLDER / f"{branch}.dbml", dbml(branch)
        yield FOLDER / f"{branch}.sql", sql(urls[branch], branch)


def stale(urls: dict[Branch, str]) -> list[tuple[Path, str]]:
    """The files that are not what they should be, each with what it should be."""
    return [(path, content) for path, content in files(urls) if not path.exists() or path.read_text() != content]


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them.

    Returns:
        The exit code: 1 where a file is out of date.
    """
    with tempfile.TemporaryDirectory(prefix="millrace-schema-") as home:
        server = EmbeddedPostgres(home, free_port(), parameters={"fsync": "off", "shared_buffers": "16MB"})
        server.start()
        try:
            urls: dict[Branch, str] = {}
            for branch in BRANCHES:
                server.ensure_database(branch)
                urls[branch] = server.url(branch)
                migrate(urls[branch], branch)
            found = stale(urls)
        finally:
            server.remove()
    for path, content in found:
        if "--check" in arguments:
            sys.stderr.write(f"docs/schema/{path.name} is out of date; run make schema-docs\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            sys.stdout.write(f"wrote docs/schema/{path.name}\n")
    return int(bool(found) and "--check" in arguments)


def _name(table: Table) -> str:
    return f"{table.schema}.{table.name}"


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _type(column: Column[object]) -> str:
    written = column.type.compile(dialect=_DIALECT).lower()
    written = written.replace("timestamp with time zone", "timestamptz").replace("double precision", "double")
    return re.sub(r"[^a-z0-9_\[\]]+", "_", written).strip("_").replace("[]", "_array")


def _quoted(said: str) -> str:
    return "'" + said.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
