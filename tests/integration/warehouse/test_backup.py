"""Base backups and archived WAL bring a lost database back, to any moment, and harm nothing on the way (C29)."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, text
from typer.testing import CliRunner

from warehouse import drill
from warehouse.__main__ import app
from warehouse.backup import take
from warehouse.backup_place import BackupPlace
from warehouse.backup_restore import restore
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.errors import BackupFailed, RestoreRefused
from warehouse.load import load_site

FAST = {"shared_buffers": "16MB", "archive_timeout": "1s"}


@pytest.fixture
def server(free_port: int) -> Iterator[EmbeddedPostgres]:
    """A running server that archives its WAL, with a table `notes`."""
    # Not pytest's own directory: that one is closed to the account that root's server runs under.
    home = Path(tempfile.mkdtemp(prefix="millrace-test-", dir="/var/tmp"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home / "data", free_port, 60, parameters=FAST, backup_dir=home / "backups")
    server.start()
    ask(server, "create table notes (note text, at timestamptz default clock_timestamp())")
    yield server
    server.remove()
    shutil.rmtree(home)


def ask(server: EmbeddedPostgres, statement: str) -> list[Any]:
    with create_engine(server.url("postgres"), poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def note(server: EmbeddedPostgres, content: str) -> datetime:
    """Write a note and archive it; returns a moment after it was committed, by the server's clock."""
    ask(server, f"insert into notes values ('{content}')")
    [at] = ask(server, "select clock_timestamp()")
    archive(server)
    assert isinstance(at, datetime)
    return at


def archive(server: EmbeddedPostgres) -> None:
    """Wait until all WAL so far is archived."""
    [segment] = ask(server, "select pg_walfile_name(pg_current_wal_lsn())")
    ask(server, "select pg_switch_wal()")
    place = BackupPlace.of_cluster(server.backup_dir or Path(), server.cluster)
    for _ in range(600):
        if (place.wal / f"{segment}.gz").exists():
            return
        ask(server, "select pg_sleep(0.05)")
    raise AssertionError(f"{segment} is not archived: {server.log_file.read_text()[-1000:]}")


def notes(server: EmbeddedPostgres) -> list[str]:
    server.start()
    return ask(server, "select note from notes order by at")


def test_any_moment_comes_back_also_when_all_of_the_data_directory_is_lost(server: EmbeddedPostgres) -> None:
    note(server, "before the backup")
    backup = take(server, kept=1)
    first = note(server, "first")
    note(server, "second")
    server.stop()

    restored = restore(server, first)
    assert restored.backup == backup
    assert notes(server) == ["before the backup", "first"]
    assert restored.aside is not None and (restored.aside / "PG_VERSION").exists()

    # The restored server goes on archiving, on a timeline of its own: the next restore follows it.
    note(server, "third")
    os.kill(server.postmaster_pid() or 0, signal.SIGKILL)
    server.start()
    server.stop()
    shutil.rmtree(server.cluster.parent)
    shutil.rmtree(server.data_dir, ignore_errors=True)
    assert restore(server).aside is None
    assert notes(server) == ["before the backup", "first", "third"]
    assert server.password_file.stat().st_mode & 0o777 == 0o600


def test_a_backup_of_a_history_that_was_left_is_not_restored(server: EmbeddedPostgres) -> None:
    """It is newer than all others until the next one is taken, and its WAL leads nowhere."""
    first = take(server, kept=9)
    good = note(server, "good")
    note(server, "a mistake")
    take(server, kept=9)
    server.stop()
    restore(server, good)
    server.start()
    note(server, "acknowledged since")
    server.stop()
    shutil.rmtree(server.cluster)

    assert restore(server).backup == first
    assert notes(server) == ["good", "acknowledged since"]


def test_a_restore_that_fails_puts_back_what_was_there(server: EmbeddedPostgres) -> None:
    before = note(server, "no backup yet")
    take(server, kept=1)
    note(server, "kept")
    with pytest.raises(RestoreRefused, match="stop it first"):
        restore(server)
    server.stop()
    with pytest.raises(RestoreRefused, match="no base backup from before"):
        restore(server, before)
    with pytest.raises(BackupFailed, match="ends before"):
        restore(server, datetime.now(UTC) + timedelta(days=1))
    # WAL that cannot be read must not pass for the end of the archive.
    place = BackupPlace.of_cluster(server.backup_dir or Path(), server.cluster)
    newest = max(path for path in place.wal.glob("*.gz") if "backup" not in path.name)
    newest.write_bytes(newest.read_bytes()[:100])
    with pytest.raises(BackupFailed, match="does not start"):
        restore(server)
    assert notes(server) == ["no backup yet", "kept"]


def test_old_backups_go_with_the_wal_that_only_they_need(server: EmbeddedPostgres) -> None:
    place = BackupPlace.of_cluster(server.backup_dir or Path(), server.cluster)
    (place.root / "base.new").mkdir()  # of a backup that was killed
    taken = []
    for number in range(3):
        note(server, f"{number}")
        taken.append(take(server, kept=2))
    assert place.backups() == taken[1:]
    assert {path.name for path in place.root.iterdir()} == {
        "wal",
        "backup.lock",
        *(backup.directory.name for backup in taken[1:]),
    }
    segments = [path.name.split(".")[0] for path in place.wal.glob("*.gz")]
    assert min(segments) == taken[1].first_wal()

    # Another cluster may share the directory, though its WAL bears the same names.
    server.remove()
    server.start()
    other = BackupPlace.of_cluster(server.backup_dir or Path(), server.cluster)
    assert other.root != place.root
    backup = take(server, kept=1)
    server.stop()
    assert restore(server).backup == backup == other.backups()[0]
    assert place.backups() == taken[1:]


def test_an_archive_that_fails_or_is_missing_is_told(server: EmbeddedPostgres) -> None:
    place = BackupPlace.of_cluster(server.backup_dir or Path(), server.cluster)
    [segment] = ask(server, "select pg_walfile_name(pg_current_wal_lsn())")
    (place.wal / f"{segment}.gz").write_bytes(b"somebody else's")
    ask(server, "create table more (one integer)")
    ask(server, "select pg_switch_wal()")
    for _ in range(200):
        if ask(server, "select failed_count from pg_stat_archiver") != [0]:
            break
        ask(server, "select pg_sleep(0.05)")
    with pytest.raises(BackupFailed, match=f"fails since .* at {segment}"):
        take(server, kept=1)
    assert (place.wal / f"{segment}.gz").read_bytes() == b"somebody else's"

    server.stop()
    unarchived = EmbeddedPostgres(server.data_dir, server.port, 60, parameters=FAST)
    unarchived.start()
    with pytest.raises(BackupFailed, match="set MILLRACE_BACKUP_DIR"):
        take(unarchived, kept=1)
    with pytest.raises(BackupFailed, match="restart it"):
        take(server, kept=1)


def test_commands_back_up_and_restore(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(server.data_dir))
    monkeypatch.setenv("MILLRACE_POSTGRES_PORT", str(server.port))
    refused = CliRunner().invoke(app, ["backup"])
    assert (refused.exit_code, "MILLRACE_BACKUP_DIR is not set" in refused.stderr) == (1, True)

    monkeypatch.setenv("MILLRACE_BACKUP_DIR", str(server.backup_dir))
    assert CliRunner().invoke(app, ["backup"]).exit_code == 0
    at = note(server, "wanted")
    note(server, "unwanted")
    assert "stop it first" in CliRunner().invoke(app, ["restore-backup"]).stderr
    server.stop()
    moment = at.isoformat()
    outcome = CliRunner().invoke(app, ["restore-backup", "--to", moment])
    assert outcome.exit_code == 0, outcome.output
    assert notes(server) == ["wanted"]
    assert "not a time" in CliRunner().invoke(app, ["restore-backup", "--to", "yesterday"]).stderr


def test_a_database_elsewhere_is_its_administrators_to_back_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "postgresql://plant@db/warehouse")
    assert "server of its own" in CliRunner().invoke(app, ["backup"]).stderr


def test_the_drill_in_small_passes() -> None:
    """C29: the recovery point and time that `make drill` measures at full length."""
    report = drill.run(4, FAST)
    assert report.faults == ()
    assert report.is_passed
    assert 0 < report.restored <= report.committed + 1
    assert report.lines()[-1] == "passed"


def test_the_drill_sees_what_is_missing_or_wrong(warehouse_engine: Engine) -> None:
    load_site(warehouse_engine, drill._Inbox(lambda: 3), drill.SITE)
    assert drill._faults(warehouse_engine, 3, "now") == []
    assert len(drill._faults(warehouse_engine, 2, "now")) >= 2
    with warehouse_engine.begin() as connection:
        connection.execute(text("delete from raw.readings where batch_seq = 2 and item_index = 7"))
        connection.execute(text("update raw.readings set value = 0 where batch_seq = 3 and item_index = 1"))
    found = drill._faults(warehouse_engine, 3, "now")
    assert len(found) == 3


@pytest.mark.parametrize(
    ("lost_s", "took_s", "faults"), [(901, 1, ()), (1, 3601, ()), (1, 1, ("restored: 1 readings are wrong",))]
)
def test_the_drill_fails_where_a_target_is_missed(lost_s: int, took_s: int, faults: tuple[str, ...]) -> None:
    report = drill.DrillReport(timedelta(seconds=lost_s), timedelta(seconds=took_s), 10, 9, faults)
    assert not report.is_passed
    assert report.lines()[-1] == "FAILED"
