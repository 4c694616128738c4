"""The gate on 100,000 readings beside pandas on the same rows: all suites, pushed down, against one `select *`.

What is timed is a whole validation: Great Expectations started (but not imported) anew, three suites, results and holds
recorded, Data Docs built. The yardstick fetches the readings and judges the readings' suite alone.
"""

import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine, NullPool, text

from bench.report import Report, Row
from bench.warehouses import Warehouses
from expectations.suites.plausible_ranges import PLAUSIBLE_RANGES
from expectations.validate import validate_window
from warehouse.engine import create_engine

_START = datetime(2026, 1, 5, tzinfo=UTC)
_END = _START + timedelta(days=1)
_MOST_S = 3.0
# A day of 40 machines with 10 signals, and of ten cameras.
_FILL = """
    insert into raw.loads (site_code, kind, cursor_from, cursor_to, item_count, inserted_count, revised_count,
        duplicate_count, late_count) values ('bench', 'readings', 0, 1, 0, 0, 0, 0, 0);
    insert into raw.signals (site_code, equipment_code, metric, unit_code)
    select 'bench', 'machine-' || number / 10, 'metric-' || mod(number, 10), 'Cel'
    from generate_series(0, 399) as number;
    insert into raw.registry_changes (site_code, change_seq, entity, code, payload, changed_by, changed_at)
    select 'bench', signal_id, 'signals', equipment_code || '/' || metric, '{"low_limit": 0, "high_limit": 100}', '',
        '2020-01-01'
    from raw.signals where mod(signal_id, 2) = 0;
    insert into raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id,
        received_at, recorded_at)
    select signal_id, 0, false, at, 50 + 10 * sin(extract(epoch from at)), 1, 1, 1, at, at
    from raw.signals cross join (
        select timestamptz '2026-01-05 00:00Z' + number * interval '345.6 s' from generate_series(0, 249) as number
    ) as times (at);
    insert into raw.events (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s,
        confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at)
    select 'bench', 'camera-' || camera, 'working', timestamptz '2026-01-05 00:00Z' + number * interval '86.4 s', 'U1',
        'W1', 60, 0.9, false, 0, 1, 1, now(), now()
    from generate_series(1, 10) as camera cross join generate_series(0, 999) as number;
    insert into raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay, item_count,
        accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count, duplicate_count,
        device_timed_count, late_count, lateness_p95_s, load_id, received_at)
    select 'bench', number, gen_random_uuid(), 'readings', 'push', 'key-' || mod(number, 10), false, 1000, 1000, 0,
        '{}', 1000, 0, 0, 1000, 0, 1, 1, timestamptz '2026-01-05 00:00Z' + number * interval '8.64 s'
    from generate_series(0, 9999) as number;
    analyze raw.signals, raw.readings, raw.events, raw.batches
"""
_ALL = """
    select * from raw.readings join raw.signals using (signal_id)
    where event_time >= '2026-01-05 00:00Z' and event_time < '2026-01-06 00:00Z'
"""


def measure_validation(report: Report, warehouses: Warehouses, directory: Path, rounds: int) -> None:
    """A day's validation and the yardstick in turn; the first validation, which imports, is not counted."""
    with warehouses.fresh() as url:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            for statement in _FILL.split(";"):
                connection.exec_driver_sql(statement)
        _validate(url, directory / "docs")
        warehouses.settle()
        found = [(_validate(url, directory / "docs"), _with_pandas(engine)) for _ in range(rounds)]
    ours, theirs = (statistics.median(times) for times in zip(*found, strict=True))
    figures = f"{ours:.2f} s, all suites; select * into pandas, one suite: {theirs:.2f} s"
    report.add(
        Row("validation of 100,000 readings", figures, f"{ours:.2f} s", f"< {_MOST_S:g} s", ours < _MOST_S)
    )  # fmt: skip


def _validate(url: str, docs: Path) -> float:
    started = time.perf_counter()
    validation = validate_window(url, _START, _END, docs_dir=docs)
    taken = time.perf_counter() - started
    (seen,) = {result.observed["item_count"] for result in validation.results if result.suite == "readings"}
    if seen != 100_000 or validation.warnings or not all(result.is_success for result in validation.results):
        raise RuntimeError(f"{seen} readings were judged, {validation}: such figures are worth nothing")
    return taken


def _with_pandas(engine: Engine) -> float:
    started = time.perf_counter()
    with engine.connect() as connection:
        rows = pd.read_sql(text(_ALL), connection)
    low, high = PLAUSIBLE_RANGES["Cel"]
    rows["outside"] = ~rows["value"].between(low, high)
    rows["missing"] = rows["value"].isna() | rows["quality"].isna() | ~rows["quality"].between(0, 1)
    groups = rows.groupby(["site_code", "equipment_code", rows["event_time"].dt.floor("h")])
    if groups[["outside", "missing"]].mean().to_numpy().max() > 0:
        raise RuntimeError("readings that are good were judged bad")
    return time.perf_counter() - started
