"""What Prometheus is told of lag and of held hours."""

import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy.exc import OperationalError

from orchestration.local.errors import PortTaken
from orchestration.metrics import Numbers, PlatformMetrics, serve
from warehouse.ledger import Held

HOUR = datetime(2026, 3, 2, 10, tzinfo=UTC)
LOADS: Numbers = {"mill": {"silent_s": 12.0, "readings_behind": 3, "readings_waiting_s": 40.5}}
ROLLUPS: Numbers = {"mill": {"rolled_up_hours": 7.0, "rolled_up_waiting_s": 90.0}}
OPERATIONS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


def told(platform: PlatformMetrics) -> set[str]:
    registry = CollectorRegistry()
    registry.register(platform)
    return {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}


def test_each_number_bears_its_site_and_what_it_is_about() -> None:
    held = Held("mill", "invalid_rate", 2, HOUR, HOUR)
    assert told(PlatformMetrics(lambda: [LOADS, ROLLUPS], lambda: [held])) == {
        "millrace_warehouse_up 1.0",
        'millrace_silent_seconds{site_code="mill"} 12.0',
        'millrace_waiting{site_code="mill",what="readings"} 3.0',
        'millrace_waiting{site_code="mill",what="rolled_up"} 7.0',
        'millrace_waiting_seconds{site_code="mill",what="readings"} 40.5',
        'millrace_waiting_seconds{site_code="mill",what="rolled_up"} 90.0',
        'millrace_held_hours{expectation="invalid_rate",site_code="mill"} 2.0',
    }


def test_a_warehouse_that_is_away_is_told_of_and_the_next_scrape_asks_again() -> None:
    answers: list[list[Numbers] | None] = [None, [LOADS]]

    def measure() -> list[Numbers]:
        answer = answers.pop(0)
        if answer is None:
            raise OperationalError("select 1", {}, ConnectionRefusedError())
        return answer

    registry = CollectorRegistry()
    registry.register(PlatformMetrics(measure, list))
    assert registry.get_sample_value("millrace_warehouse_up") == 0
    assert registry.get_sample_value("millrace_warehouse_up") == 1


def test_it_is_served_on_a_port_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} .* --port"):
            serve(PlatformMetrics(list, list), "127.0.0.1", port)
    server, thread = serve(PlatformMetrics(list, list), "127.0.0.1", port)
    try:
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        assert "\nmillrace_warehouse_up 1.0\n" in page
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_docs_list_every_metric() -> None:
    held = Held("mill", "invalid_rate", 2, HOUR, HOUR)
    names = {re.split(r"[{ ]", line)[0] for line in told(PlatformMetrics(lambda: [LOADS, ROLLUPS], lambda: [held]))}
    rows = re.findall(r"^\| `(millrace_\w+)` \|", OPERATIONS.read_text(), re.MULTILINE)
    assert {row for row in rows if not row.startswith("millrace_api_")} == names
