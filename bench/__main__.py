"""Measures, and prints one table: `python -m bench [--minutes N] [--seconds N] [--rounds N] [--only PARTS]`.

`--only warehouse` measures the warehouse alone, without InfluxDB and wrk, on the embedded PostgreSQL or on the server
that `MILLRACE_TEST_WAREHOUSE_URL` names. `--only scoring` measures judging alone, `--only day` from warehouse to
warehouse, `--only spread` loads of several sites on one Celery worker and on two.
"""

import json
import os
import shutil
import signal
import statistics
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import stages
from bench.load import Rate, saturate
from bench.loading import measure_loading, measure_memory
from bench.readings import BATCH, JSON, LINES, write_requests
from bench.report import Report, Row
from bench.rollups import measure_queries, measure_rollup
from bench.servers import ROOT, Databases, influxdb, millrace, plain_endpoint
from bench.steadiness import measure_single_posts
from bench.warehouses import Warehouses

OF_WAREHOUSE = ("load", "memory", "rollup", "queries", "validation")
OF_MODELS = ("scoring", "day")
SPREAD = "spread"
PARTS = ("rates", "single", "stages", *OF_WAREHOUSE, *OF_MODELS, SPREAD)
WORKERS = 2
# Requests made in advance: more than any of them answers here.
REQUESTS_PER_S = {"millrace": 2400, "influxdb": 2000, "plain": 60}
_WARM_UP_S = 1


def main(
    minutes: Annotated[float, typer.Option(help="How long memory is watched")] = 1,
    seconds: Annotated[int, typer.Option(help="Length of a round")] = 6,
    rounds: Annotated[int, typer.Option(help="Alternating rounds; the median counts")] = 3,
    only: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(PARTS)}; warehouse: its five")] = ",".join(
        PARTS
    ),
) -> None:
    """Measure the platform beside what it is compared with."""
    parts = set(only.replace("warehouse", ",".join(OF_WAREHOUSE)).split(","))
    if parts - set(PARTS):
        sys.exit(f"bench: there is no part {', '.join(sorted(parts - set(PARTS)))}; there are {', '.join(PARTS)}")
    for part, program in (("rates", "influxd"), ("rates", "wrk"), (SPREAD, "redis-server")):
        if part in parts and shutil.which(program) is None:
            sys.exit(f"bench: {program} is not installed: make bench-deps")
    # Ending like Ctrl-C, so that no server and no data stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = ROOT / ".millrace" / f"bench-{os.getpid()}"
    directory.mkdir(parents=True)
    report = Report()
    try:
        if parts - {*OF_WAREHOUSE, *OF_MODELS, SPREAD}:
            _ingestion(report, parts, directory, minutes, seconds, rounds)
        if parts & {*OF_WAREHOUSE, "day"}:
            _warehouse(report, parts, directory, rounds)
        if "scoring" in parts:
            from bench.scoring import measure_scoring

            measure_scoring(report, rounds)
        if SPREAD in parts:
            from bench.spread import measure_spread

            measure_spread(report, directory, rounds)
    finally:
        shutil.rmtree(directory)
    report.print()
    (ROOT / ".millrace" / "bench.json").write_text(json.dumps(report.as_dict(), indent=1))


def _ingestion(report: Report, parts: set[str], directory: Path, minutes: float, seconds: int, rounds: int) -> None:
    databases = Databases(directory / "postgres")
    try:
        key = databases.prepare()
        if "rates" in parts:
            _rates(report, databases, key, directory, seconds, rounds)
        if "single" in parts:
            with databases.fresh() as url, millrace(url, WORKERS) as served:
                measure_single_posts(report, served, key, minutes * 60)
        if "stages" in parts:
            with databases.fresh() as url:
                stages.measure(report, url, key)
    finally:
        databases.server.remove()


def _warehouse(report: Report, parts: set[str], directory: Path, rounds: int) -> None:
    warehouses = Warehouses(directory / "warehouses")
    print(warehouses.kind, flush=True)
    try:
        if "load" in parts:
            measure_loading(report, warehouses, rounds)
        if "memory" in parts:
            measure_memory(report, warehouses)
        if "rollup" in parts:
            measure_rollup(report, warehouses, rounds)
        if "queries" in parts:
            measure_queries(report, warehouses, rounds)
        if "validation" in parts:
            from bench.validation import measure_validation

            measure_validation(report, warehouses, directory, rounds)
        if "day" in parts:
            from bench.scored_day import measure_scored_day

            measure_scored_day(report, warehouses, rounds)
    finally:
        warehouses.remove()


def _rates(report: Report, databases: Databases, key: str, directory: Path, seconds: int, rounds: int) -> None:
    """Readings per second of each server in turn, round after round."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    length = seconds + _WARM_UP_S
    ours, theirs, plain = (directory / name for name in ("millrace", "influxdb", "plain"))
    write_requests(ours, "/api/v1/readings", headers, JSON, REQUESTS_PER_S["millrace"] * length)
    write_requests(theirs, "/write?db=bench&precision=ms", {}, LINES, REQUESTS_PER_S["influxdb"] * length)
    write_requests(plain, "/readings", headers, JSON, REQUESTS_PER_S["plain"] * length)
    found: dict[str, list[Rate]] = {"millrace": [], "influxdb": [], "plain": [], "crowd": []}
    costs: list[tuple[float, ...]] = []
    for number in range(rounds):
        with databases.fresh() as url, millrace(url, WORKERS) as served:
            before = served.cpu_s(), databases.cpu_s()
            found["millrace"].append(saturate(served.port, ours, seconds))
            spent = served.cpu_s() - before[0], databases.cpu_s() - before[1]
            costs.append(tuple(1000 * cpu_s / (found["millrace"][-1].per_s * seconds) for cpu_s in spent))
        with influxdb(directory / f"influxdb-{number}") as served:
            found["influxdb"].append(saturate(served.port, theirs, seconds))
        with databases.fresh(None) as url, plain_endpoint(url, key, WORKERS) as served:
            found["plain"].append(saturate(served.port, plain, seconds))
        with databases.fresh() as url, millrace(url, WORKERS) as served:
            found["crowd"].append(saturate(served.port, ours, seconds, connections=200))
        for name, rates in found.items():
            print(f"round {number + 1} {name}: {rates[-1].per_s * BATCH:,.0f} readings/s", flush=True)
            if rates[-1].failed and name != "crowd":
                raise RuntimeError(f"{name} failed {rates[-1].failed} requests: such figures are worth nothing")
    speed = {name: statistics.median(rate.per_s * BATCH for rate in rates) for name, rates in found.items()}
    for name, label, least in (("influxdb", "InfluxDB 1.x, line protocol", 2.0), ("plain", "plain endpoint", 40.0)):
        ratio = speed["millrace"] / speed[name]
        text = f"{speed['millrace']:,.0f} : {speed[name]:,.0f} readings/s"
        report.add(Row(f"durable ingest : {label}", text, f"{ratio:.1f} x", f">= {least:g} x", ratio >= least))
    api_ms, postgres_ms = (statistics.median(column) for column in zip(*costs, strict=True))
    text = f"API {api_ms:.2f} ms, PostgreSQL {postgres_ms:.2f} ms"
    report.add(Row("processor time of 1,000 readings", text, f"{api_ms + postgres_ms:.2f} ms"))
    failed = sum(rate.failed for rate in found["crowd"])
    text = f"{speed['crowd']:,.0f} readings/s, p99 {found['crowd'][-1].p99_ms:.0f} ms"
    report.add(Row("200 connections", text, f"{failed} errors", "0 errors", failed == 0))


if __name__ == "__main__":
    typer.run(main)
