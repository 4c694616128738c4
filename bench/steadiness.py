"""Single readings at a fixed rate, and whether memory stays flat meanwhile. Full load does not belong here."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from bench.load import steady
from bench.readings import JSON, MACHINES, bodies, request
from bench.report import Report, Row
from bench.servers import Served

PER_S = 500
TARGET = "/api/v1/readings"
READING = (MACHINES[0], "flow", "m3/h", "118.25")
_BATCH_EVERY = 25  # so that memory is watched under whole batches too: 20 a second, apart from the measured posts
_GROWTH = 0.05
_SLACK_MIB = 8
_WARM_UP_S = 10


def measure_single_posts(report: Report, served: Served, key: str, seconds: float) -> None:
    """Latency of single readings, then memory under single readings and whole batches."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    singles, wholes = _singles(headers), _wholes(headers)
    steady(served.port, lambda _: next(singles), PER_S, 2)
    found = steady(served.port, lambda _: next(singles), PER_S, 15)
    text = f"p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms, max {found.max_ms:.0f} ms, {found.failed} errors"
    is_reached = found.p99_ms < 10 and found.failed == 0
    report.add(Row(f"single readings at {PER_S}/s", text, f"{found.p99_ms:.1f} ms", "p99 < 10 ms", is_reached))

    def mixed(number: int) -> bytes:
        return next(singles if number % _BATCH_EVERY else wholes)

    steady(served.port, mixed, PER_S, min(_WARM_UP_S, seconds))
    before = served.resident_mib()
    found = steady(served.port, mixed, PER_S, seconds)
    after = served.resident_mib()
    text = f"{before:.0f} to {after:.0f} MiB in {seconds / 60:g} min, {found.failed} errors"
    is_flat = after <= before * (1 + _GROWTH) + _SLACK_MIB and found.failed == 0
    report.add(Row("memory, all processes", text, f"{after - before:+.0f} MiB", "flat", is_flat))


def _singles(headers: dict[str, str]) -> Iterator[bytes]:
    first = datetime.now(UTC) - timedelta(days=300)
    for number in count():
        yield request(TARGET, headers, JSON.body([JSON.item(*READING)], [first + timedelta(seconds=number)]))


def _wholes(headers: dict[str, str]) -> Iterator[bytes]:
    for body in bodies(JSON, datetime.now(UTC) - timedelta(days=2)):
        yield request(TARGET, headers, body)
