"""The loader beside a bare COPY of the same rows into the same keyed table, and its memory over ten million readings.

Both commit 100,000 rows at a time. The loader is given pages as a pull returns them, unsorted, by name; it finds
signals, settles conflicts, keeps the ledger and the touched hours. The COPY is given signal ids and does nothing else:
`binary` sends bytes that were encoded beforehand, `write_row` is psycopg's own way from Python rows to text COPY.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psutil
from sqlalchemy import Engine, NullPool, text

from bench.report import Report, Row
from bench.warehouses import PAGE, Page, Warehouses, page
from warehouse.arrow_columns import integers, microseconds
from warehouse.copy_binary import copy, encode
from warehouse.engine import create_engine
from warehouse.load import load_site
from warehouse.sources import Kind

_BEFORE = 2  # pages that are there already, so that the signals and the index exist
_MEASURED = 5
_TYPES = {
    "signal_id": "int4", "item_index": "int2", "is_server_time": "bool", "event_time": "timestamptz",
    "value": "float8", "quality": "float4", "batch_seq": "int8", "load_id": "int8", "received_at": "timestamptz",
    "recorded_at": "timestamptz",
}  # fmt: skip
_LEAST = 0.7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GROWTH_MIB = 32


class Pages:
    """The inbox of one site, a `warehouse.sources.Source`: pages from `begin` until before `end`."""

    def __init__(self, begin: int, end: int, made: Sequence[Page] = ()) -> None:
        self._pages = iter(made) if made else (page(number, is_last=number == end - 1) for number in range(begin, end))

    def pull(self, kind: Kind, after: int) -> Page:
        """The next page of readings; there are no events."""
        if kind == "readings":
            return next(self._pages)
        empty = page(0)
        return Page(empty.table.slice(0, 0), [], after, False)

    def pull_registry_changes(self, after: int) -> Sequence[Any]:
        """Nothing is registered."""
        return []

    def pull_alarm_changes(self, after: int) -> Sequence[Any]:
        """No rule is broken."""
        return []


def measure_loading(report: Report, warehouses: Warehouses, rounds: int) -> None:
    """Readings per second of each way in turn, round after round."""
    pages = [page(number, is_last=number == _BEFORE + _MEASURED - 1) for number in range(_BEFORE, _BEFORE + _MEASURED)]
    ways: dict[str, Callable[[Engine], float]] = {
        "loader": lambda engine: _load(engine, pages),
        "binary": lambda engine: _copy_binary(engine, pages),
        "write_row": lambda engine: _copy_rows(engine, pages),
    }
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        # Each goes first in turn: the machine is not the same at the beginning of a round and at its end.
        order = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
        for way in order:
            with warehouses.fresh() as url:
                engine = create_engine(url, poolclass=NullPool)
                load_site(engine, Pages(0, _BEFORE), "bench")
                warehouses.settle()
                speeds[way].append(_MEASURED * PAGE / ways[way](engine))
        print(
            f"round {number + 1} " + ", ".join(f"{way} {speed[-1]:,.0f}/s" for way, speed in speeds.items()), flush=True
        )
    for way, label in (("binary", "binary COPY, encoded beforehand"), ("write_row", "psycopg write_row")):
        ratio = statistics.median(a / b for a, b in zip(speeds["loader"], speeds[way], strict=True))
        figures = " : ".join(f"{statistics.median(speeds[name]):,.0f}" for name in ("loader", way))
        report.add(Row(f"load : {label}", f"{figures} readings/s", f"{ratio:.2f} x", f">= {_LEAST} x", ratio >= _LEAST))


def measure_memory(report: Report, warehouses: Warehouses, millions: int = 10) -> None:
    """Resident memory of the loading process while it loads ten million readings."""
    process, resident = psutil.Process(), {}
    with warehouses.fresh() as url:
        engine = create_engine(url, poolclass=NullPool)
        done = 0
        started = time.perf_counter()
        for until in sorted({1, millions // 2, millions}):
            load_site(engine, Pages(done * 10, until * 10), "bench")
            done = until
            resident[until] = process.memory_info().rss / 2**20
        rate = millions * 1e6 / (time.perf_counter() - started)
        with engine.connect() as connection:
            count = connection.scalar(text("select count(*) from raw.readings"))
    if count != millions * 1_000_000:
        raise RuntimeError(f"{count} readings were stored: such figures are worth nothing")
    figures = ", ".join(f"{mib:.0f} MiB at {until} M" for until, mib in resident.items())
    growth = resident[millions] - resident[1]
    report.add(
        Row(f"memory of loading {millions} M readings", f"{figures}; {rate:,.0f}/s", f"{growth:+.0f} MiB", "flat",
            growth <= _GROWTH_MIB)
    )  # fmt: skip


def _load(engine: Engine, pages: Sequence[Page]) -> float:
    started = time.perf_counter()
    load_site(engine, Pages(0, 0, pages), "bench")
    return time.perf_counter() - started


def _copy_binary(engine: Engine, pages: Sequence[Page]) -> float:
    encoded = [
        encode([(_TYPES[name], values) for name, values in columns.items()]) for columns in _columns(engine, pages)
    ]
    started = time.perf_counter()
    for data in encoded:
        with engine.begin() as connection:
            copy(connection, f"copy raw.readings ({', '.join(_TYPES)}) from stdin (format binary)", data)
    return time.perf_counter() - started


def _copy_rows(engine: Engine, pages: Sequence[Page]) -> float:
    rows = [list(_python_rows(columns)) for columns in _columns(engine, pages)]
    started = time.perf_counter()
    for page_rows in rows:
        with engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            with (
                driver.cursor() as cursor,
                cursor.copy(f"copy raw.readings ({', '.join(_TYPES)}) from stdin") as stream,
            ):
                for row in page_rows:
                    stream.write_row(row)
    return time.perf_counter() - started


def _columns(engine: Engine, pages: Sequence[Page]) -> Iterator[dict[str, np.ndarray]]:
    """The columns of raw.readings for each page, in the order in which the items came."""
    with engine.connect() as connection:
        found = connection.execute(text("select equipment_code, metric, signal_id from raw.signals"))
        signal_ids = {(row.equipment_code, row.metric): row.signal_id for row in found}
    for one in pages:
        names = zip(one.table["equipment_code"].to_pylist(), one.table["metric"].to_pylist(), strict=True)
        yield {
            "signal_id": np.array([signal_ids[name] for name in names]),
            "item_index": integers(one.table, "item_index"),
            "is_server_time": one.table["is_server_time"].to_numpy(),
            "event_time": microseconds(one.table, "event_time"),
            "value": one.table["value"].to_numpy(),
            "quality": one.table["quality"].to_numpy(),
            "batch_seq": integers(one.table, "batch_seq"),
            "load_id": np.full(one.table.num_rows, 1),
            "received_at": microseconds(one.table, "received_at"),
            "recorded_at": np.full(one.table.num_rows, 1_800_000_000_000_000),
        }


def _python_rows(columns: dict[str, np.ndarray]) -> Iterator[tuple[Any, ...]]:
    told = [
        [_EPOCH + timedelta(microseconds=us) for us in values.tolist()]
        if _TYPES[name] == "timestamptz"
        else values.tolist()
        for name, values in columns.items()
    ]
    yield from zip(*told, strict=True)
