"""The roles by which packages connect, and their logins. What each may do stands in the migrations `…_roles`.

A role exists from the first migration on, without a login; `enable_logins` gives it a password. Roles belong to the
server: two installations on one server share them, so give each a server of its own where that matters.
"""

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from psycopg import Connection as DriverConnection
from sqlalchemy import URL, Connection, NullPool, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from warehouse.engine import create_engine
from warehouse.errors import RolesNotMade

READER: Final = "bi_reader"
INGESTION: Final = "millrace_ingestion"
LOADER: Final = "millrace_loader"
DBT: Final = "millrace_dbt"
EXPECTATIONS: Final = "millrace_expectations"
ML: Final = "millrace_ml"
PACKAGES: Final = (INGESTION, LOADER, DBT, EXPECTATIONS, ML)
# Dagster and MLflow make their own tables, each in a database of its own.
DAGSTER: Final = "millrace_dagster"
MLFLOW: Final = "millrace_mlflow"
TOOLS: Final = (DAGSTER, MLFLOW)
# Those that read marts, as BI tools do; dbt owns what it builds, and expectations look at raw alone.
_READERS = (INGESTION, LOADER, ML)

Database = Literal["api", "warehouse", "dagster", "mlflow"]
Logins = dict[str, dict[str, str]]
"""Environment variables by role: what the process of a package is given."""

_CREATE = """
    do $$
    begin
        if not exists (select from pg_roles where rolname = '{role}') then
            create role {role} nologin;
            -- Who may create roles without being a superuser must act for dbt to hand tables over to it.
            if not pg_has_role(current_user, '{role}', 'usage') then
                grant {role} to current_user;
            end if;
        end if;
    exception when duplicate_object or unique_violation then
        null;
    end $$
"""
_JOIN = """
    do $$
    begin
        if not pg_has_role('{role}', '{group}', 'member') then
            grant {group} to {role};
        end if;
    exception when unique_violation then
        null;
    end $$
"""
# Relations that somebody else made: their user could not change them. Indexes, sequences and types follow their table.
_FOREIGN = """
    select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind,
           format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(:schemas) and c.relkind in ('r', 'p', 'v', 'm') and c.relowner <> cast(:role as regrole)
    order by 2
"""
_ROLES: dict[Database, tuple[str, ...]] = {
    "api": (INGESTION,),
    "warehouse": PACKAGES,
    "dagster": (DAGSTER,),
    "mlflow": (MLFLOW,),
}
_OWNS: dict[Database, dict[str, tuple[str, ...]]] = {
    "warehouse": {DBT: ("staging", "intermediate", "marts", "seeds")},
    "dagster": {DAGSTER: ("public",)},
    "mlflow": {MLFLOW: ("public",)},
}
_VARIABLES: tuple[tuple[Database, str, str], ...] = (
    ("api", "MILLRACE_API_DATABASE_URL", INGESTION),
    ("warehouse", "MILLRACE_API_WAREHOUSE_URL", INGESTION),
    ("warehouse", "MILLRACE_WAREHOUSE_URL", LOADER),
    ("warehouse", "MILLRACE_EXPECTATIONS_WAREHOUSE_URL", EXPECTATIONS),
    ("warehouse", "MILLRACE_ML_WAREHOUSE_URL", ML),
    ("dagster", "MILLRACE_DAGSTER_DATABASE_URL", DAGSTER),
    ("mlflow", "MILLRACE_MLFLOW_DATABASE_URL", MLFLOW),
    ("mlflow", "MLFLOW_BACKEND_STORE_URI", MLFLOW),
)


def create_roles(connection: Connection) -> None:
    """Create the roles that are missing, without login. For migrations: any number of databases may do it at once."""
    for role in (READER, *PACKAGES):
        connection.execute(text(_CREATE.format(role=role)))
    for role in _READERS:
        connection.execute(text(_JOIN.format(role=role, group=READER)))


def enable_logins(urls: Mapping[Database, str], passwords: Mapping[str, str]) -> Logins:
    """Let roles log in, and hand each what others made for it so far: dbt its schemas, Dagster and MLflow their tables.

    Args:
        urls: Of the databases, as somebody who may change roles there.
        passwords: By role. Who is connected stays so; new connections need the new password.

    Returns:
        What the process of each package is given.

    Raises:
        RolesNotMade: A database is not migrated, or does not let this login change roles.
    """
    for database, url in urls.items():
        with _changing(url) as connection:
            for role in _ROLES[database]:
                if role in TOOLS:
                    connection.execute(text(_CREATE.format(role=role)))
                    connection.execute(text(f"grant usage, create on schema public to {role}"))
                _set_password(connection, role, passwords[role])
            for role, schemas in _OWNS.get(database, {}).items():
                _hand_over(connection, role, schemas)
    return logins({database: make_url(url) for database, url in urls.items()}, passwords)


def create_reader(warehouse_url: str, name: str, password: str) -> str:
    """Create a login that reads the marts and nothing else, or give it a new password; return its URL.

    Raises:
        RolesNotMade: As for `enable_logins`; or the name is taken by a role of another kind, or is none.
    """
    if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", name) or name in (READER, *PACKAGES):
        raise RolesNotMade(f"{name!r} is no name for a reader: lower-case letters, digits and _, and none of ours")
    with _changing(warehouse_url) as connection:
        _ensure_reader(connection, name)
        _set_password(connection, name, password)
    return _as(make_url(warehouse_url), name, password)


def logins(urls: Mapping[Database, URL], passwords: Mapping[str, str]) -> Logins:
    """The environment variables by which each process connects as its own role; of the databases that are given."""
    found: Logins = {}
    for database, variable, role in _VARIABLES:
        if database in urls:
            found.setdefault(role, {})[variable] = _as(urls[database], role, passwords[role])
    if "warehouse" in urls:
        found[DBT] = {
            "MILLRACE_DBT_HOST": urls["warehouse"].host or "127.0.0.1",
            "MILLRACE_DBT_PORT": str(urls["warehouse"].port or 5432),
            "MILLRACE_DBT_USER": DBT,
            "MILLRACE_DBT_PASSWORD": passwords[DBT],
            "MILLRACE_DBT_DATABASE": urls["warehouse"].database or "",
        }
    if "dagster" in urls:
        storage = urls["dagster"].set(drivername="postgresql+psycopg2")
        found[DAGSTER]["MILLRACE_DAGSTER_STORAGE_URL"] = _as(storage, DAGSTER, passwords[DAGSTER])
    return found


def read_logins(path: Path) -> Logins:
    """What `write_logins` wrote; nothing where there is no file."""
    found: Logins = json.loads(path.read_text()) if path.exists() else {}
    return found


def write_logins(path: Path, logins: Logins) -> None:
    """Keep logins in a file that its owner alone reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(logins, file, indent=2)
    unfinished.replace(path)


def kept_passwords(logins: Logins) -> dict[str, str]:
    """The passwords of written logins, by role."""
    kept: dict[str, str] = {}
    for role, variables in logins.items():
        urls = [make_url(value) for name, value in variables.items() if name.endswith("_URL")]
        password = str(urls[0].password) if urls else variables.get("MILLRACE_DBT_PASSWORD")
        kept |= {role: password} if password else {}
    return kept


def new_password() -> str:
    """Letters and digits: fit for a URL, a shell and an .env file."""
    return secrets.token_hex(24)


def _as(url: URL, role: str, password: str) -> str:
    return url.set(username=role, password=password).render_as_string(hide_password=False)


@contextmanager
def _changing(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise RolesNotMade(f"{engine.url!r}: {cause}. Is it migrated, and may this login change roles?") from error


def _set_password(connection: Connection, role: str, password: str) -> None:
    """Give the server the SCRAM verifier, made here: the password itself would stand in its log of statements."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, DriverConnection):
        raise TypeError("roles are changed through psycopg")
    verifier = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    # Not as text(): a verifier has colons, which would pass for parameters.
    connection.exec_driver_sql(f"alter role {role} login password '{verifier}'")


def _hand_over(connection: Connection, role: str, schemas: Sequence[str]) -> None:
    for kind, name in connection.execute(text(_FOREIGN), {"schemas": list(schemas), "role": role}).all():
        connection.execute(text(f"alter {kind} {name} owner to {role}"))


def _ensure_reader(connection: Connection, name: str) -> None:
    groups = connection.scalars(
        text(
            "select coalesce(m.roleid::regrole::text, '') from pg_roles as r "
            "left join pg_auth_members as m on m.member = r.oid where r.rolname = :name"
        ),
        {"name": name},
    ).all()
    if not groups:
        connection.execute(text(f"create role {name} login in role {READER}"))
    elif READER not in groups:
        raise RolesNotMade(f"there is a role {name} already, and it is no reader: choose another name")
