"""Fresh warehouses to measure on, and pages as the loader pulls them. What is measured does not belong here."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import psutil
import pyarrow as pa
from sqlalchemy import NullPool, make_url, text

from bench.readings import BATCH, MACHINES, SIGNALS
from bench.servers import cpu_s, free_port
from ingestion_api.contract import BatchLedgerEntry
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.migrate import migrate

PAGE = 100_000  # items, as the loader asks the API for them
START = datetime(2026, 1, 5, tzinfo=UTC)
_SIGNAL_COUNT = len(MACHINES) * len(SIGNALS)
_SWEEPS = PAGE // _SIGNAL_COUNT
_SWEEP_US = 100_000


class Warehouses:
    """Makes fresh, migrated warehouses: on the embedded PostgreSQL, or on the server that the environment names."""

    def __init__(self, directory: Path) -> None:
        named = os.environ.get("MILLRACE_TEST_WAREHOUSE_URL")
        self._server = None if named else EmbeddedPostgres(directory, free_port())
        if self._server:
            self._server.start()
        self._url = make_url(named or (self._server.url("postgres") if self._server else ""))
        self._admin = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with self._admin.connect() as connection:
            version = str(connection.scalar(text("show server_version"))).split()[0]
            loaded = str(connection.scalar(text("show shared_preload_libraries")))
            syncs = str(connection.scalar(text("show fsync")))
        extension = " with TimescaleDB" if "timescaledb" in loaded else ""
        self.kind = f"PostgreSQL {version}{extension}, fsync {syncs}"

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Lend a migrated warehouse."""
        name = f"bench_{time.time_ns()}"
        with self._admin.connect() as connection:
            connection.execute(text(f"create database {name}"))
        url = self._url.set(database=name).render_as_string(hide_password=False)
        try:
            migrate(url, "warehouse")
            yield url
        finally:
            with self._admin.connect() as connection:
                connection.execute(text(f"drop database {name} with (force)"))

    def settle(self) -> None:
        """Let what was written before not be paid for by what is measured next."""
        with self._admin.connect() as connection:
            connection.execute(text("checkpoint"))

    def cpu_s(self) -> float:
        """Processor time of the embedded server's processes so far; of a named server nothing is known."""
        return cpu_s(psutil.Process(self._server.postmaster_pid())) if self._server else 0.0

    def remove(self) -> None:
        """Delete the embedded server."""
        self._admin.dispose()
        if self._server:
            self._server.remove()


@dataclass(frozen=True)
class Page:
    """A page of new readings, as a pull returns it."""

    table: pa.Table
    batches: Sequence[BatchLedgerEntry]
    next_cursor: int
    has_more: bool


def page(number: int, *, is_last: bool = False) -> Page:
    """Page `number` of a plant's readings, counted from 0: 400 signals, each read every 100 ms, in batches of 1,000."""
    rows = np.arange(PAGE)
    sweep, signal = number * _SWEEPS + rows // _SIGNAL_COUNT, rows % _SIGNAL_COUNT
    machine, metric = signal // len(SIGNALS), signal % len(SIGNALS)
    first = int(START.timestamp()) * 1_000_000
    event_us = first + sweep * _SWEEP_US
    first_seq = number * (PAGE // BATCH) + 1
    means = np.array([mean for _, mean, *_ in SIGNALS.values()])
    dice = np.random.default_rng(number)
    times = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "batch_seq": first_seq + rows // BATCH,
            "item_index": (rows % BATCH).astype(np.int16),
            "equipment_code": _coded(machine, list(MACHINES)),
            "metric": _coded(metric, list(SIGNALS)),
            "unit_code": _coded(metric, [unit for unit, *_ in SIGNALS.values()]),
            "event_time": pa.array(event_us).cast(times),
            "is_server_time": np.zeros(PAGE, dtype=bool),
            "value": np.round(means[metric] * (1 + dice.normal(0, 0.05, PAGE)), 3),
            "quality": np.ones(PAGE, dtype=np.float32),
            "received_at": pa.array(event_us + 1_000_000).cast(times),
        }
    )
    batches = [
        BatchLedgerEntry(
            batch_seq=seq, batch_id=UUID(int=seq), kind="readings", origin="push", credential="bench", is_replay=False,
            received_at=START + timedelta(seconds=seq), item_count=BATCH, accepted_count=BATCH, quarantined_count=0,
            quarantine_reasons={},
        )
        for seq in range(first_seq, first_seq + PAGE // BATCH)
    ]  # fmt: skip
    return Page(table, batches, first_seq + PAGE // BATCH - 1, not is_last)


def _coded(codes: np.ndarray, values: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(values))
