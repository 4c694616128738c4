"""The restore drill: loses a throw-away database while it is being loaded, restores it, and measures what that cost.

Recovery point and recovery time are held against what is promised (C29). How backups work is in `backup.py`.
"""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Final
from uuid import UUID

import pyarrow as pa
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from warehouse.backup import take
from warehouse.backup_restore import restore
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.load import load_site
from warehouse.migrate import migrate
from warehouse.postgres_process import kill_orphans
from warehouse.sources import AlarmChange, Kind, RegistryChange

RECOVERY_POINT: Final = timedelta(minutes=15)
RECOVERY_TIME: Final = timedelta(hours=1)
SITE: Final = "drill"
ROWS: Final = 500
_DATABASE: Final = "drill"
_BEFORE_BACKUP_S: Final = 2.0
# At full speed WAL segments fill by themselves within a second; a quiet plant waits for archive_timeout.
_PAUSE_S: Final = 0.1
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class DrillReport:
    """What a drill measured.

    Attributes:
        lost: From the newest restored transaction to the newest committed one before the crash.
        took: From the crash to the first answer of the restored database.
        committed: Batches of `ROWS` readings committed before the crash.
        restored: Batches in the restored database.
        faults: What is missing or doubled among the restored batches, or after loading went on.
    """

    lost: timedelta
    took: timedelta
    committed: int
    restored: int
    faults: tuple[str, ...]

    @property
    def is_passed(self) -> bool:
        """Whether nothing is wrong and both targets are met."""
        return not self.faults and self.lost <= RECOVERY_POINT and self.took <= RECOVERY_TIME

    def lines(self) -> list[str]:
        """The report for a person."""
        return [
            f"committed before the crash: {self.committed} batches of {ROWS} readings; restored: {self.restored}",
            _line("recovery point", self.lost, RECOVERY_POINT),
            _line("recovery time", self.took, RECOVERY_TIME),
            "restored rows: " + ("; ".join(self.faults) or "each once, none missing; loading went on and caught up"),
            "passed" if self.is_passed else "FAILED",
        ]


def run(load_s: float, parameters: Mapping[str, str] = MappingProxyType({})) -> DrillReport:
    """Load, take a base backup, load on, destroy the database, restore it and check every row.

    Args:
        load_s: How long to load between the base backup and the crash.
        parameters: Server parameters of the drill's database; `archive_timeout` bounds what may be lost.

    Raises:
        BackupFailed: A backup or a restore failed.
    """
    home = Path(tempfile.mkdtemp(prefix="millrace-drill-"))
    home.chmod(0o755)  # PostgreSQL may run under another account
    server = EmbeddedPostgres(home / "data", free_port(), parameters=parameters, backup_dir=home / "backups")
    try:
        return _drill(server, load_s)
    finally:
        server.remove()
        shutil.rmtree(home)


def _drill(server: EmbeddedPostgres, load_s: float) -> DrillReport:
    server.start()
    server.ensure_database(_DATABASE)
    url = server.url(_DATABASE)
    migrate(url, "warehouse")
    loading = _Loading(create_engine(url))
    loading.start()
    time.sleep(_BEFORE_BACKUP_S)
    take(server, kept=1)
    time.sleep(load_s)

    _destroy(server)
    crashed = time.monotonic()
    loading.join()
    restore(server)
    server.start()
    engine = create_engine(server.url(_DATABASE))
    with engine.connect() as connection:
        position = connection.scalar(text("select coalesce(max(position), 0) from raw.cursors where kind = 'readings'"))
    took = time.monotonic() - crashed

    faults = _faults(engine, position, "restored")
    # The crash may have come between a commit and its receipt.
    last = max(loading.committed_at)
    if not 0 < position <= last + 1:
        faults.append(f"position {position} is restored, {last} was committed last")
    lost = loading.committed_at[last] - loading.committed_at.get(min(position, last), loading.began_at)
    # The inbox holds what was lost: it is loaded again (D3).
    load_site(engine, _Inbox(lambda: last), SITE)
    faults += _faults(engine, last, "after loading went on")
    engine.dispose()
    return DrillReport(timedelta(seconds=lost), timedelta(seconds=took), last, position, tuple(faults))


def _destroy(server: EmbeddedPostgres) -> None:
    pid = server.postmaster_pid()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    cluster, data = server.cluster, server.data_dir
    while server.postmaster_pid() is not None:
        time.sleep(0.01)
    kill_orphans(cluster)
    if cluster.parent != data:
        shutil.rmtree(cluster.parent)
    # A process that dies may still write.
    while data.exists() or cluster.exists():
        shutil.rmtree(cluster, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


class _Loading(Thread):
    """Loads a batch after the other until the database is gone, and notes when each was committed."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="drill-loading")
        self.committed_at: dict[int, float] = {}
        self.began_at = time.monotonic()
        self._engine = engine

    def run(self) -> None:
        """Load; any failure of the database is the end that the drill is about."""
        newest = 1
        inbox = _Inbox(lambda: newest)
        with suppress(DBAPIError):
            while True:
                load_site(self._engine, inbox, SITE)
                self.committed_at[newest] = time.monotonic()
                newest += 1
                time.sleep(_PAUSE_S)
        self._engine.dispose()


@dataclass(frozen=True)
class _Batch:
    batch_seq: int
    kind: str = "readings"
    origin: str = "push"
    credential: str = "drill"
    is_replay: bool = False
    item_count: int = ROWS
    accepted_count: int = ROWS
    quarantined_count: int = 0
    quarantine_reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def batch_id(self) -> UUID:
        return UUID(int=self.batch_seq)

    @property
    def received_at(self) -> datetime:
        return _START + timedelta(seconds=self.batch_seq)


@dataclass(frozen=True)
class _Page:
    table: pa.Table
    batches: Sequence[_Batch]
    next_cursor: int
    has_more: bool


class _Inbox:
    """Batches 1, 2, 3 … up to the newest; a reading's value is the number of its batch."""

    def __init__(self, newest: Callable[[], int]) -> None:
        self._newest = newest

    def pull(self, kind: Kind, after: int) -> _Page:
        """The next batch of readings; there are no events."""
        newest = self._newest()
        if kind != "readings" or after >= newest:
            return _Page(_SCHEMA.empty_table(), [], after, False)
        batch = _Batch(after + 1)
        signals = [f"signal-{number % 50}" for number in range(ROWS)]
        times = [_START + timedelta(seconds=batch.batch_seq, milliseconds=number) for number in range(ROWS)]
        rows = {
            "batch_seq": [batch.batch_seq] * ROWS,
            "item_index": range(ROWS),
            "equipment_code": ["pump-1"] * ROWS,
            "metric": signals,
            "unit_code": ["bar"] * ROWS,
            "event_time": times,
            "is_server_time": [False] * ROWS,
            "value": [float(batch.batch_seq)] * ROWS,
            "quality": [1.0] * ROWS,
            "received_at": [batch.received_at] * ROWS,
        }
        return _Page(pa.table(rows, _SCHEMA), [batch], batch.batch_seq, batch.batch_seq < newest)

    def pull_registry_changes(self, after: int) -> Sequence[RegistryChange]:
        """None."""
        return []

    def pull_alarm_changes(self, after: int) -> Sequence[AlarmChange]:
        """None."""
        return []


_SCHEMA = pa.schema(
    {
        "batch_seq": pa.int64(),
        "item_index": pa.int16(),
        "equipment_code": pa.string(),
        "metric": pa.string(),
        "unit_code": pa.string(),
        "event_time": pa.timestamp("us", "UTC"),
        "is_server_time": pa.bool_(),
        "value": pa.float64(),
        "quality": pa.float32(),
        "received_at": pa.timestamp("us", "UTC"),
    }
)


def _faults(engine: Engine, position: int, when: str) -> list[str]:
    """What differs from every batch up to the position being there once and whole, and none after it."""
    checks = {
        "batches are missing": "select count(*) from generate_series(1, :position) as wanted (batch_seq) "
        "where not exists (select from raw.batches as b where b.batch_seq = wanted.batch_seq)",
        "batches are too many": "select count(*) from raw.batches where batch_seq not between 1 and :position",
        "readings are missing or too many": "select abs(count(*) - cast(:position as bigint) * :rows) "
        "from raw.readings",
        "batches have readings missing or doubled": "select count(*) from "
        "(select from raw.readings group by batch_seq having count(*) <> :rows) as wrong",
        "readings are wrong": "select count(*) from raw.readings where value <> batch_seq",
        "readings too many or too few were counted": "select abs(coalesce(sum(inserted_count), 0) "
        "- cast(:position as bigint) * :rows) from raw.loads",
    }
    with engine.connect() as connection:
        found = {
            what: connection.scalar(text(query), {"position": position, "rows": ROWS}) for what, query in checks.items()
        }
    return [f"{when}: {count} {what}" for what, count in found.items() if count]


def _line(what: str, measured: timedelta, target: timedelta) -> str:
    verdict = "met" if measured <= target else "MISSED"
    return f"{what}: {measured.total_seconds():.1f} s (target {target.total_seconds():.0f} s: {verdict})"


def free_port() -> int:
    """A TCP port on loopback that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
