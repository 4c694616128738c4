"""The spool's SQLite file: its tables, how it is opened and who may use it. What is done with them is in `spool.py`."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from edge_client.errors import ConfigurationError, SpoolError

VERSION = 2
PAGE_BYTES = 4096
# What the file may hold besides the items: indexes, half-filled pages, dead letters, progress.
OVERHEAD_BYTES = 64 * 1024 * 1024

LOSSES = """
create table losses (                   -- what will never be sent, and how much of it the API knows
    kind text not null,
    reason text not null,
    total integer not null,
    first_at real not null,             -- seconds since 1970
    last_at real not null,
    reported integer not null default 0,
    primary key (kind, reason)
) without rowid;
insert into facts (name, value) values ('spool_id', lower(hex(randomblob(16))));
"""

SCHEMA = f"""
create table items (
    number integer not null,            -- 1 for the first item ever collected; never given twice
    kind text not null,
    is_replay integer not null,
    collected_at real not null,         -- seconds since 1970
    body blob not null,                 -- the item's JSON
    primary key (kind, number)
) without rowid;
create table batches (                  -- what has been or is about to be sent, and is not answered
    idempotency_key text primary key,
    kind text not null,
    is_replay integer not null,
    first_number integer not null,      -- the batch holds every item of the kind between the two
    last_number integer not null,
    item_count integer not null
) without rowid;
create table dead_letters (
    idempotency_key text primary key,
    kind text not null,
    is_replay integer not null,
    item_count integer not null,
    body blob not null,
    answer text not null,
    refused_at text not null
) without rowid;
create table progress (
    collector text not null,
    part text not null,
    position text not null,
    primary key (collector, part)
) without rowid;
create table skips (
    skip_id integer primary key,
    place text not null,
    reason text not null
);
create table counters (
    collected integer not null default 0,
    accepted integer not null default 0,
    quarantined integer not null default 0,
    repeated integer not null default 0,
    rejected integer not null default 0,
    lost integer not null default 0,
    skipped integer not null default 0,
    pending_bytes integer not null default 0
);
insert into counters default values;
create table facts (name text primary key, value text not null) without rowid;
{LOSSES}
pragma user_version = {VERSION};
"""

# What version 1 lost it had not counted by kind; what it refused is in its dead letters.
UPGRADE_FROM_1 = f"""
alter table counters add column pending_bytes integer not null default 0;
update counters set pending_bytes = (select coalesce(sum(length(body)), 0) from items);
{LOSSES}
insert into losses (kind, reason, total, first_at, last_at)
    select 'unknown', 'spool_full_oldest', lost, unixepoch(), unixepoch() from counters where lost > 0;
insert into losses (kind, reason, total, first_at, last_at)
    select kind, 'rejected_by_api', sum(item_count), unixepoch(min(refused_at)), unixepoch(max(refused_at))
    from dead_letters group by kind;
pragma user_version = {VERSION};
"""


def connect(path: Path, *, is_new_allowed: bool = True, max_bytes: int | None = None) -> sqlite3.Connection:
    """Open the spool file so that a commit survives power loss; create it where it does not exist.

    Args:
        path: The file.
        is_new_allowed: Whether it may be created, and brought to this version.
        max_bytes: What the items may take; the file as a whole stays within twice that and a fixed overhead.

    Raises:
        SpoolError: The file is absent and may not be created, is no spool, or was written by another version.
    """
    if not path.exists() and not is_new_allowed:
        raise SpoolError(f"no spool at {path}: nothing was collected yet, or MILLRACE_EDGE_SPOOL_PATH points elsewhere")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # isolation_level=None: transactions begin and end where the code says so.
        connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        connection.execute("pragma auto_vacuum = incremental")  # before the first page is written
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma fullfsync = on")  # macOS: fsync alone does not reach the platter there
        connection.execute(f"pragma journal_size_limit = {4 * 1024 * 1024}")
        if max_bytes is not None:
            connection.execute(f"pragma max_page_count = {(2 * max_bytes + OVERHEAD_BYTES) // PAGE_BYTES}")
        _bring_to_version(connection, path, may_change=is_new_allowed)
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"cannot use the spool {path}: {error}") from error
    return connection


def _bring_to_version(connection: sqlite3.Connection, path: Path, *, may_change: bool) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"begin immediate; {SCHEMA} commit;")
    elif version == 1 and may_change:
        connection.executescript(f"begin immediate; {UPGRADE_FROM_1} commit;")
        _let_it_shrink(connection)
    elif version == 1:
        raise SpoolError(f"{path} is a spool of version 1: `run` brings it to version {VERSION} and goes on with it")
    elif version != VERSION:
        raise SpoolError(f"{path} is a spool of version {version}, this program writes {VERSION}: choose another file")


def _let_it_shrink(connection: sqlite3.Connection) -> None:
    """Rewrite a file of version 1, so that its free pages can be given back; without room for it, it stays as it is."""
    try:
        connection.execute("pragma auto_vacuum = incremental")
        connection.execute("vacuum")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise


def lock(path: Path) -> IO[str]:
    """Take the spool for this process; closing the answer, or dying, gives it back.

    Raises:
        ConfigurationError: Another process uses the spool.
        SpoolError: The lock file cannot be written.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        file = lock_path.open("a+", encoding="ascii")
    except OSError as error:
        raise SpoolError(f"cannot use the spool {path}: {error}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise ConfigurationError(
            f"the spool {path} is in use by process {holder}: stop it or set another path"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
