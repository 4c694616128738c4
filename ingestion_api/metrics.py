"""What is counted, for Prometheus. How it is served is in `management.py`; docs/operations.md lists it all.

An application counts into a registry of its own; with several worker processes (`share_between_processes`), into files
that one of them reads for all.
"""

import asyncio
import os
import time
from collections import Counter as Tally
from collections.abc import Sequence
from pathlib import Path

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from ingestion_api.contract import Kind, Refusal
from ingestion_api.store import Store

PULLED = "millrace_api_inbox_pulled_batch_seq"
SAMPLE_EVERY_S = 1.0
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def share_between_processes(directory: Path) -> None:
    """Let every application made from now on, in this process and those it starts, count into one directory."""
    # The library looks at the variable when it is first imported, which is long past.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue()  # type: ignore[no-untyped-call]


def shared_registry(directory: Path) -> CollectorRegistry:
    """Return what all processes counted into a directory."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return registry


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        self._requests = Histogram(
            "millrace_api_request_seconds",
            "Time from the head of a request to the end of its answer",
            ["route", "method", "status_class"],
            buckets=_SECONDS,
            registry=own,
        )
        self._rate_limited = Counter(
            "millrace_api_rate_limited_total", "Requests answered 429", ["route"], registry=own
        )
        self._unauthenticated = Counter(
            "millrace_api_unauthenticated_total", "Requests answered 401", ["route"], registry=own
        )
        self._batches = Counter(
            "millrace_api_batches_total", "Batches: stored, or repeats of one stored", ["kind", "outcome"], registry=own
        )
        self._items = Counter(
            "millrace_api_items_total", "Items: accepted, quarantined, or repeated", ["kind", "outcome"], registry=own
        )
        self._quarantined = Counter(
            "millrace_api_quarantined_items_total", "Items quarantined", ["kind", "reason_code"], registry=own
        )
        self._body_bytes = Counter("millrace_api_body_bytes_total", "Bytes of pushed bodies", ["kind"], registry=own)
        self._pulled = Gauge(
            PULLED, "Cursor of the last pull", ["site_code", "kind"], multiprocess_mode="mostrecent", registry=own
        )
        self._pool = Gauge(
            "millrace_api_pool_connections",
            "Connections to the store: size, checked_out, overflow",
            ["state"],
            multiprocess_mode="livesum",
            registry=own,
        )
        self._loop_lag = Histogram(
            "millrace_api_event_loop_lag_seconds",
            "How late the event loop wakes who waits",
            buckets=_SECONDS,
            registry=own,
        )
        # Looking a child up by its labels costs more than counting does.
        self._latencies: dict[tuple[str, str, int], Histogram] = {}
        self._pushes: dict[Kind, tuple[Counter, Counter, Counter]] = {}

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = route, method, status // 100
        latency = self._latencies.get(key)
        if latency is None:
            # Anybody can invent methods; only those that exist may make a series.
            known = method if method in {"GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "DELETE"} else "other"
            latency = self._latencies[route, known, key[2]] = self._requests.labels(route, known, f"{key[2]}xx")
        latency.observe(seconds)
        if status == 429:
            self._rate_limited.labels(route).inc()
        elif status == 401:
            self._unauthenticated.labels(route).inc()

    def pushed(self, kind: Kind, accepted: int, refused: Sequence[Refusal], size: int, *, is_repeat: bool) -> None:
        """Count a batch that was stored, or had been before."""
        if is_repeat:
            self._body_bytes.labels(kind).inc(size)
            self._batches.labels(kind, "repeated").inc()
            self._items.labels(kind, "repeated").inc(accepted + len(refused))
            return
        if kind not in self._pushes:
            batches, items = self._batches.labels(kind, "stored"), self._items.labels(kind, "accepted")
            self._pushes[kind] = self._body_bytes.labels(kind), batches, items
        for counter, count in zip(self._pushes[kind], (size, 1, accepted), strict=True):
            counter.inc(count)
        if refused:
            self._items.labels(kind, "quarantined").inc(len(refused))
            for reason_code, count in Tally(refusal.reason_code for refusal in refused).items():
                self._quarantined.labels(kind, reason_code).inc(count)

    def pulled(self, site_code: str, kind: Kind, after: int) -> None:
        """Remember how far a site's batches have been pulled: who asks for what follows has the rest."""
        self._pulled.labels(site_code, kind).set(after)

    async def sample(self, store: Store) -> None:
        """Look at the pool and the event loop every second, until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(SAMPLE_EVERY_S)
            self._loop_lag.observe(max(0.0, time.perf_counter() - before - SAMPLE_EVERY_S))
            for state, connections in store.pool_use().items():
                self._pool.labels(state).set(connections)
