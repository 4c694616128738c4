"""What is counted, and that the page about it tells all of it."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ingestion_api.contract import Refusal
from ingestion_api.management import InboxState
from ingestion_api.metrics import Metrics
from ingestion_api.settings import IngestionApiSettings

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"


def test_the_page_lists_every_metric_with_its_labels_and_no_other() -> None:
    settings = IngestionApiSettings(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    counted = Metrics()
    metrics = {one._name: one._labelnames for one in counted.registry._collector_to_names}  # type: ignore[attr-defined]
    metrics |= {family.name: family._labelnames for family in InboxState(settings, CollectorRegistry()).describe()}
    told = re.findall(r"^\| `(millrace_api_\w+)` \| ([\w, ]*)\|", PAGE.read_text(), re.MULTILINE)
    assert dict(told).keys() == metrics.keys()
    for name, labels in told:
        assert [part.strip() for part in labels.split(",") if part.strip()] == list(metrics[name]), name


def test_pushes_are_counted_by_outcome_and_reason() -> None:
    metrics = Metrics()
    refused = [Refusal(index=index, reason_code="value_not_finite", detail="…") for index in range(2)]
    metrics.pushed("readings", 3, refused, 500, is_repeat=False)
    metrics.pushed("readings", 3, refused, 500, is_repeat=True)
    value = metrics.registry.get_sample_value
    of_items = "millrace_api_items_total"
    assert [value(of_items, {"kind": "readings", "outcome": o}) for o in ("accepted", "quarantined", "repeated")] == [
        3,
        2,
        5,
    ]
    reason = {"kind": "readings", "reason_code": "value_not_finite"}
    assert value("millrace_api_quarantined_items_total", reason) == 2
    assert value("millrace_api_body_bytes_total", {"kind": "readings"}) == 1_000


@pytest.mark.parametrize(("status", "name"), [(429, "rate_limited"), (401, "unauthenticated")])
def test_refusals_are_counted_and_invented_methods_make_no_series(status: int, name: str) -> None:
    metrics = Metrics()
    for method in ("GET", "EVIL1", "EVIL2"):
        metrics.request("/x", method, status, 0.01)
    assert metrics.registry.get_sample_value(f"millrace_api_{name}_total", {"route": "/x"}) == 3
    labels = {"route": "/x", "method": "other", "status_class": "4xx"}
    assert metrics.registry.get_sample_value("millrace_api_request_seconds_count", labels) == 2
