"""The cost of rolling up one hour beside little and much history, and of what dashboards and models ask (S1-042).

The history is written by the database itself: readings of 40 signals, each every minute, and events of five workers.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, NullPool, make_url, text

from bench.report import Report, Row
from bench.servers import ROOT
from bench.warehouses import Warehouses
from orchestration.dbt_environment import dbt_environment
from warehouse.engine import create_engine

_END = datetime(2026, 2, 12, tzinfo=UTC)
_HOURS = 10
_TIMES = 100
_SIGNALS = 40
_MOST = 1.2
_LEAST = 50.0
_DASHBOARD_SIGNALS = 10
_HOUR = timedelta(hours=1)
_READINGS = """
    insert into raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id,
        received_at, recorded_at)
    select signal_id, 0, false, at, 20 + signal_id + 5 * sin(extract(epoch from at) / 900), 1, 1, 1, at, at
    from generate_series(cast(:start as timestamptz), cast(:end as timestamptz) - cast(:step as interval),
        cast(:step as interval)) as times (at)
    cross join generate_series(1, :signals) as signals (signal_id)
"""
_EVENTS = """
    insert into raw.events (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s,
        units_produced, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at)
    select 'bench', 'camera', case when extract(minute from at) < 45 then 'working' else 'idle' end, at, 'U' || worker,
        'W' || worker, null, 2, false, 0, 1, 1, at, at
    from generate_series(cast(:start as timestamptz), cast(:end as timestamptz) - interval '5 minutes',
        interval '5 minutes') as times (at) cross join generate_series(1, 5) as workers (worker)
"""
_REGISTRY = """
    insert into raw.registry_changes (site_code, change_seq, entity, code, payload, changed_by, changed_at)
    values ('bench', 1, 'sites', 'bench', '{"name": "Bench", "time_zone": "UTC"}', '', '2020-01-01')
"""
_SIGNAL = """
    insert into raw.signals (site_code, equipment_code, metric, unit_code)
    select 'bench', 'machine-' || number, 'temperature', 'Cel' from generate_series(1, :signals) as numbers (number)
"""


def measure_rollup(report: Report, warehouses: Warehouses, rounds: int) -> None:
    """One hour again, with 10 hours and with 1,000 hours behind it, in turn."""
    hour = {"start_hour": (_END - _HOUR).isoformat(), "end_hour": _END.isoformat(), "judged_only": True}
    with ExitStack() as stack:
        urls = [stack.enter_context(warehouses.fresh()) for _ in (1, _TIMES)]
        for url, times in zip(urls, (1, _TIMES), strict=True):
            _fill(url, _END - _HOURS * times * _HOUR, "1 minute", _SIGNALS)
            build(url, {}, "tag:reference", "tag:hourly")
            _vacuum(url)
        found: dict[str, list[tuple[float, float]]] = {url: [] for url in urls}
        for number in range(rounds):
            warehouses.settle()
            for url in urls if number % 2 else reversed(urls):
                busy = _busy_s(url)
                started = time.perf_counter()
                build(url, hour, "tag:hourly")
                found[url].append((time.perf_counter() - started, _busy_s(url) - busy))
    for position, (label, limit) in enumerate((("dbt's start included", None), ("in the database", _MOST))):
        little, much = (statistics.median(times[position] for times in found[url]) for url in urls)
        figures = f"{little:.2f} s with {_HOURS} h, {much:.2f} s with {_HOURS * _TIMES:,} h of history"
        wanted = f"<= {limit} x" if limit else ""
        is_reached = much / little <= limit if limit else None
        report.add(Row(f"rollup of one hour, {label}", figures, f"{much / little:.2f} x", wanted, is_reached))


def measure_queries(report: Report, warehouses: Warehouses, rounds: int) -> None:
    """A dashboard's 24 hours from mart and raw (S4-013), and the newest 1,000 readings of a signal (S4-011)."""
    start = _END - 24 * _HOUR
    select = "select {hour} as hour, avg({avg}) as avg_value, max({max}) as max_value from {table} where"
    mart = select.format(hour="hour", avg="avg_value", max="max_value", table="marts.fct_sensor_readings_hourly")
    raw = select.format(hour="date_trunc('hour', event_time, 'UTC')", avg="value", max="value",
                        table="marts.fct_sensor_readings")  # fmt: skip
    dashboards = {
        "one signal": "equipment_code = 'machine-3' and metric = 'temperature' and",
        f"all {_DASHBOARD_SIGNALS} signals": "",
    }
    last = """select event_time, value, quality from {} where {} order by event_time desc limit 1000"""
    by_name = "equipment_code = 'machine-3' and metric = 'temperature'"
    with warehouses.fresh() as url:
        _fill(url, start, "1 second", _DASHBOARD_SIGNALS)
        build(url, {}, "tag:reference", "fct_sensor_readings_hourly")
        _vacuum(url)
        engine = create_engine(url, poolclass=NullPool)
        for label, where in dashboards.items():
            of_mart = f"{mart} {where} hour >= :start group by equipment_code, metric, hour"
            of_raw = f"{raw} {where} event_time >= :start group by equipment_code, metric, hour"
            fast, slow = (_ms(engine, query, start, rounds) for query in (of_mart, of_raw))
            report.add(
                Row(f"24-hour dashboard, {label}", f"{fast:.2f} ms from the mart, {slow:,.1f} ms from raw at 1 Hz",
                    f"{slow / fast:.0f} x", f">= {_LEAST:g} x", slow / fast >= _LEAST)
            )  # fmt: skip
        for label, query in (
            ("by name", last.format("marts.fct_sensor_readings", by_name)),
            ("by id", last.format("raw.readings", "signal_id = 3")),
        ):
            fetched, found = _ms(engine, query, start, 10 * rounds), _ms_in_database(engine, query, 10 * rounds)
            figures = f"{fetched:.2f} ms until the client has the rows"
            report.add(Row(f"newest 1,000 readings, {label}", figures, f"{found:.2f} ms", "< 1 ms", found < 1))


def _fill(url: str, start: datetime, step: str, signals: int) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(_REGISTRY))
        connection.execute(text(_SIGNAL), {"signals": signals})
        span = {"start": start, "end": _END}
        connection.execute(text(_READINGS), {**span, "step": step, "signals": signals})
        connection.execute(text(_EVENTS), span)


def _vacuum(url: str) -> None:
    """Leave nothing of it for a background worker to do at a moment of its own choice."""
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("vacuum analyze"))


def _busy_s(url: str) -> float:
    """Time that sessions have spent executing statements in this database."""
    target = make_url(url)
    query = text("select active_time / 1000 from pg_stat_database where datname = :name")
    time.sleep(1)  # a session hands its figures over when it ends
    with create_engine(target.set(database="postgres"), poolclass=NullPool).connect() as connection:
        return float(connection.scalar(query, {"name": target.database}) or 0)


def _ms(engine: Engine, query: str, start: datetime, rounds: int) -> float:
    """Median milliseconds until the client has the answer, once the cache is warm."""
    times = []
    with engine.connect() as connection:
        for _ in range(rounds + 1):
            started = time.perf_counter()
            connection.execute(text(query), {"start": start} if ":start" in query else {}).all()
            times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:])


def _ms_in_database(engine: Engine, query: str, rounds: int) -> float:
    """Median milliseconds that the server says it needs."""
    explained = text(f"explain (analyze, timing off, format json) {query}")
    with engine.connect() as connection:
        plans: list[Any] = [connection.execute(explained).scalar_one() for _ in range(rounds)]
    return float(statistics.median(plan[0]["Execution Time"] for plan in plans))


def build(url: str, variables: Mapping[str, object], *selected: str) -> None:
    """Let dbt build what is selected, without its tests."""
    project = ROOT / "dbt_project"
    with TemporaryDirectory(prefix="bench-dbt-") as scratch:
        command = [
            str(Path(sys.executable).with_name("dbt")),
            "--quiet",
            "build",
            "--exclude-resource-type",
            "test",
            "unit_test",
            "--select",
        ]
        command += selected
        command += ["--vars", json.dumps(variables), "--project-dir", str(project), "--profiles-dir", str(project)]
        subprocess.run(
            [*command, "--target-path", scratch, "--log-path", scratch],
            env={**os.environ, **dbt_environment(url)},
            check=True,
        )
