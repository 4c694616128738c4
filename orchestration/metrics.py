"""What waits and what is held back, for Prometheus: asked at each scrape. How lag is measured is in `lag`.

The ingestion API counts for itself (`ingestion_api/metrics.py`). docs/operations.md lists all metrics.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from orchestration.local.errors import PortTaken
from warehouse.ledger import Held

_SITE: Final = "site_code"
_log = logging.getLogger(__name__)
# By site, the numbers of `lag.Looks`.
Numbers = Mapping[str, Mapping[str, float]]


class PlatformMetrics(Collector):
    """One answer for each scrape; where the warehouse does not answer, the scrape says so and nothing else.

    Args:
        measure: Measures the lag: of loads, and of what follows them.
        held: Says what is held back.
    """

    def __init__(self, measure: Callable[[], Iterable[Numbers]], held: Callable[[], Sequence[Held]]) -> None:
        self._measure = measure
        self._held = held
        # What a look remembers is not for two scrapes at once.
        self._turn = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """Ask; a scrape waits until the one before it is done."""
        up = GaugeMetricFamily("millrace_warehouse_up", "Whether the warehouse answered this scrape")
        try:
            with self._turn:
                numbers, held = list(self._measure()), self._held()
        except SQLAlchemyError as error:
            _log.warning("the warehouse does not answer: %s", str(error).partition("\n")[0])
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _waiting(numbers)
        hours = GaugeMetricFamily(
            "millrace_held_hours", "Hours that a failed expectation holds back", labels=[_SITE, "expectation"]
        )
        for line in held:
            hours.add_metric([line.site_code, line.expectation], line.hour_count)
        yield hours


def _waiting(numbers: Iterable[Numbers]) -> Iterator[Metric]:
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
    return iter((seconds, counts, silent))


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
