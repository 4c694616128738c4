"""What waits and what is held back, for Prometheus, looked at every few seconds. How lag is measured is in `lag`.

The ingestion API counts for itself (`ingestion_api/metrics.py`). docs/operations.md lists all metrics.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from orchestration.local.errors import PortTaken
from warehouse.ledger import Held

_SITE: Final = "site_code"
LOOK_EVERY_S: Final = 15
_log = logging.getLogger(__name__)
# By site, the numbers of `lag.Looks`.
Numbers = Mapping[str, Mapping[str, float]]


class PlatformMetrics(Collector):
    """What the last look found. A scrape never waits for a site that does not answer.

    Args:
        measure: Measures the lag: of loads, and of what follows them.
        held: Says what is held back.
    """

    def __init__(self, measure: Callable[[], Iterable[Numbers]], held: Callable[[], Sequence[Held]]) -> None:
        self._measure = measure
        self._held = held
        self._found: Sequence[Metric] = ()

    def collect(self) -> Iterable[Metric]:
        """What is served; nothing before the first look."""
        return self._found

    def look(self) -> None:
        """Measure; where the warehouse does not answer, that is all there is to serve."""
        up = GaugeMetricFamily("millrace_warehouse_up", "Whether the warehouse answered the last look")
        looked_at = GaugeMetricFamily("millrace_looked_at_seconds", "When the last look ended, Unix time")
        found: list[Metric] = [up, looked_at]
        try:
            found += [*_waiting(list(self._measure())), _hours(self._held())]
            up.add_metric([], 1)
        except SQLAlchemyError as error:
            _log.warning("the warehouse does not answer: %s", str(error).partition("\n")[0])
            up.add_metric([], 0)
        looked_at.add_metric([], time.time())
        self._found = found


def _hours(held: Sequence[Held]) -> Metric:
    labels = [_SITE, "expectation"]
    hours = GaugeMetricFamily("millrace_held_hours", "Hours that a failed expectation holds back", labels=labels)
    for line in held:
        hours.add_metric([line.site_code, line.expectation], line.hour_count)
    return hours


def _waiting(numbers: Iterable[Numbers]) -> Sequence[Metric]:
    labels = [_SITE, "what"]
    seconds = GaugeMetricFamily("millrace_waiting_seconds", "For how long the oldest has waited", labels=labels)
    counts = GaugeMetricFamily("millrace_waiting", "Batches, changes or hours that wait", labels=labels)
    silent = GaugeMetricFamily("millrace_silent_seconds", "For how long a site's API has not answered", labels=[_SITE])
    for of_part in numbers:
        for site_code, of_site in of_part.items():
            for name, value in of_site.items():
                if name == "silent_s":
                    silent.add_metric([site_code], value)
                elif name.endswith("_waiting_s"):
                    seconds.add_metric([site_code, name.removesuffix("_waiting_s")], value)
                else:
                    what, _, _ = name.rpartition("_")
                    counts.add_metric([site_code, what], value)
    return seconds, counts, silent


def serve(collector: Collector, host: str, port: int) -> tuple[WSGIServer, threading.Thread]:
    """Serve `/metrics` by a thread of its own.

    Raises:
        PortTaken: Something else listens there.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        return start_http_server(port, host, registry)
    except OSError as error:
        raise PortTaken(f"port {port} for the metrics cannot be had ({error}); say --port") from error
