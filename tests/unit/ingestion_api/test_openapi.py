"""The API's description of itself."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ingestion_api.app import create_app
from ingestion_api.contract import BatchReceipt, Event, Problem, Reading
from ingestion_api.entities import SHAPES
from ingestion_api.openapi_examples import EXAMPLES
from ingestion_api.quarantine import Released, ReleaseRequest
from ingestion_api.settings import IngestionApiSettings

# Nothing connects before the first request.
SETTINGS = IngestionApiSettings(database_url="postgresql://nobody@127.0.0.1:1/nothing")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(SETTINGS).openapi()


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert len(found) > 20
    for reference in found:
        _, _, part, name = reference.split("/")
        assert name in document["components"][part]


def test_operations_that_need_a_key_promise_429_and_what_is_left(document: dict[str, Any]) -> None:
    """S3-021."""
    answers = document["paths"]["/api/v1/readings"]["post"]["responses"]
    assert {"Retry-After", "RateLimit", "X-RateLimit-Remaining"} <= set(answers["429"]["headers"])
    assert "RateLimit" in answers["201"]["headers"]
    assert "429" not in document["paths"]["/health/live"]["get"]["responses"]


def test_version_and_security(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"bearer": []}, {"apiKey": []}]
    assert document["paths"]["/health/live"]["get"]["security"] == []


def test_every_path_is_versioned_but_health_and_what_others_named(document: dict[str, Any]) -> None:
    """C42: /api/v1 from day one; C7: the paths of the source documents, and InfluxDB's."""
    aliases = {path for path, item in document["paths"].items() if "compatibility" in str(item)}
    others = {"/write", "/api/v2/write", "/ping", "/query", *aliases}
    assert all(path.startswith(("/api/v1/", "/health")) for path in set(document["paths"]) - others)


@pytest.mark.parametrize(
    "path",
    [
        "readings",
        "events",
        "batches",
        "batches/{batch_id}/items",
        "system-health",
        "cursors",
        "registry/changes",
        "quarantine",
        "quarantine/release",
    ]
    + [f"{shape.path}" for shape in SHAPES],
)
def test_agreed_paths_exist(document: dict[str, Any], path: str) -> None:
    assert f"/api/v1/{path}" in document["paths"]


def test_every_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            described = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert described == set(re.findall(r"{(\w+)}", path)), path


def test_pushes_show_their_items_and_an_example(document: dict[str, Any]) -> None:
    content = document["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"]["anyOf"][0]["items"] == {"$ref": "#/components/schemas/Event"}
    assert content["example"] == EXAMPLES["events"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("readings", dict[str, list[Reading]]),
        ("events", dict[str, list[Event]]),
        ("BatchReceipt", BatchReceipt),
        ("Problem", Problem),
        ("Released", Released),
        ("ReleaseRequest", ReleaseRequest),
        *((shape.payload.__name__, shape.payload) for shape in SHAPES),
    ],
)
def test_examples_are_valid(name: str, kind: Any) -> None:
    msgspec.json.decode(msgspec.json.encode(EXAMPLES[name]), type=kind)
