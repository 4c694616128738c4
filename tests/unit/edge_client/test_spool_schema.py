"""A spool of the first version goes on as one of the second, with everything it held."""

import sqlite3
from pathlib import Path

import pytest

from edge_client.errors import SpoolError
from edge_client.spool import Spool
from edge_client.status import read_status_at

# As the first version wrote it.
VERSION_1 = """
pragma journal_mode = wal;
create table items (
    number integer not null, kind text not null, is_replay integer not null, collected_at real not null,
    body blob not null, primary key (kind, number)
) without rowid;
create table batches (
    idempotency_key text primary key, kind text not null, is_replay integer not null, first_number integer not null,
    last_number integer not null, item_count integer not null
) without rowid;
create table dead_letters (
    idempotency_key text primary key, kind text not null, is_replay integer not null, item_count integer not null,
    body blob not null, answer text not null, refused_at text not null
) without rowid;
create table progress (
    collector text not null, part text not null, position text not null, primary key (collector, part)
) without rowid;
create table skips (skip_id integer primary key, place text not null, reason text not null);
create table counters (
    collected integer not null default 0, accepted integer not null default 0, quarantined integer not null default 0,
    repeated integer not null default 0, rejected integer not null default 0, lost integer not null default 0,
    skipped integer not null default 0
);
create table facts (name text primary key, value text not null) without rowid;
insert into counters values (20, 7, 1, 0, 3, 5, 2);
insert into items values
    (17, 'readings', 0, 100.5, cast('{"n":17}' as blob)), (18, 'readings', 0, 101, cast('{"n":18}' as blob)),
    (19, 'readings', 0, 101, cast('{"n":19}' as blob)), (20, 'events', 0, 101, cast('{"n":20}' as blob));
insert into batches values ('0b6b1f0e-6d1c-4c53-9c0e-6f3f7a3f8a11', 'readings', 0, 17, 18, 2);
insert into dead_letters values ('k1', 'events', 0, 3, cast('[1,2,3]' as blob), '400 no', '2026-03-01T10:00:00+00:00');
insert into progress values ('c', 'part', '20');
insert into facts values ('last_answer', '400 no');
pragma user_version = 1;
"""


@pytest.fixture
def old_path(tmp_path: Path) -> Path:
    path = tmp_path / "old.sqlite"
    sql = sqlite3.connect(path)
    sql.executescript(VERSION_1)
    sql.close()
    return path


def test_a_spool_of_version_1_goes_on_where_it_was(old_path: Path, kit) -> None:
    spool = Spool(old_path)
    count = spool.counters()
    assert (count.collected, count.sent, count.rejected, count.lost, count.pending) == (20, 8, 3, 5, 4)
    assert count.pending_bytes == 4 * len(b'{"n":17}')
    batch = spool.next_batch(100, now=200)
    assert (batch.idempotency_key[:8], batch.body, batch.is_new) == ("0b6b1f0e", b'[{"n":17},{"n":18}]', False)
    spool.acknowledge(batch, "ok", accepted=2)
    spool.append("c", kit.chunk(21, 22), now=200)
    assert spool.next_batch(100, now=300).body == b'[{"n":19},{"n":21},{"n":22}]'
    assert spool.progress("c") == {"part": "22"}
    spool.close()


def test_what_version_1_lost_is_reported_too(old_path: Path) -> None:
    spool = Spool(old_path)
    losses = {(loss.kind, loss.reason): (loss.total, loss.reported) for loss in spool.losses()}
    assert losses == {("unknown", "spool_full_oldest"): (5, 0), ("events", "rejected_by_api"): (3, 0)}
    spool_id = spool.fact("spool_id")
    spool.close()
    again = Spool(old_path)
    assert again.fact("spool_id") == spool_id
    again.close()


def test_an_upgraded_file_can_shrink(old_path: Path) -> None:
    Spool(old_path).close()
    sql = sqlite3.connect(old_path)
    assert sql.execute("pragma auto_vacuum").fetchone()[0] == 2
    sql.close()


def test_to_look_changes_no_version(old_path: Path) -> None:
    """The client that still runs would not understand the new one."""
    with pytest.raises(SpoolError, match="version 1"):
        read_status_at(old_path)
    sql = sqlite3.connect(old_path)
    assert sql.execute("pragma user_version").fetchone()[0] == 1
    sql.close()
