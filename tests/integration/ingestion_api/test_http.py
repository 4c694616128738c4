"""What every answer has in common, and what hostile requests get."""

import re
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

JSON = {"Content-Type": "application/json"}
READING = b'{"equipment_code":"pump-1","metric":"pressure","value":1}'


def is_problem(response: httpx.Response) -> bool:
    """S3-020, RFC 9457: status, path and request id, and the type of the body says so."""
    problem = response.json()
    return (
        response.headers["content-type"] == "application/problem+json"
        and problem["status"] == response.status_code
        and problem["instance"] == response.url.path
        and problem["request_id"] == response.headers["x-request-id"]
        and problem["type"].startswith("urn:millrace:problem:")
        and bool(problem["title"] and problem["detail"])
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("DELETE", "/api/v1/readings", 405),
        ("GET", "/api/v1/cursors", 401),
        ("GET", "/api/v1/batches", 400),
        ("GET", "/api/v1/batches?kind=alarms", 400),
        ("GET", "/api/v1/batches?kind=readings&after=-1", 400),
        ("GET", "/api/v1/batches?kind=readings&after=99999999999999999999", 400),
        ("GET", "/api/v1/batches?kind=readings&max_items=0", 400),
        ("GET", "/api/v1/batches/not-a-uuid", 400),
        ("GET", "/api/v1/equipment?after=%00", 400),
        ("POST", "/api/v1/readings?is_replay=perhaps", 400),
    ],
)
def test_every_failure_is_a_problem(shared_plant: Any, method: str, path: str, status: int) -> None:
    response = httpx.request(method, shared_plant.url + path)
    assert response.status_code == status
    assert is_problem(response)


def test_method_that_is_not_allowed_names_those_that_are(shared_plant: Any) -> None:
    assert httpx.delete(f"{shared_plant.url}/api/v1/readings").headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/cursors", "/nowhere"])
def test_security_headers(shared_plant: Any, path: str) -> None:
    """S3-047, C35."""
    headers = httpx.get(shared_plant.url + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"] == "default-src 'self'"
    assert "x-xss-protection" not in headers
    assert "server" not in headers


def test_docs_load_nothing_from_elsewhere(shared_plant: Any) -> None:
    """Nothing needs the internet after installation; the browser holds the page to it."""
    page = httpx.get(f"{shared_plant.url}/docs")
    assert page.status_code == 200
    assert "//" not in page.text
    paths = re.findall(r"""(?:src=|href=|url: )["']([^"']+)""", page.text)
    assert len(paths) == 4
    for path in paths:
        part = httpx.get(shared_plant.url + path)
        assert part.status_code == 200, path
        if path.endswith(".css"):
            assert not re.search(r"""url\((?!["']?data:)|@import""", part.text)
    # Swagger UI would show each description to a service in the internet that judges it.
    assert '"validatorUrl": null' in page.text
    allowed = page.headers["content-security-policy"].replace("'self'", "").replace("'unsafe-inline'", "")
    assert re.fullmatch(r"[a-z; -]+data:", allowed)
    assert part.url.path == "/openapi.json"
    assert part.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize(("sent", "is_kept"), [("abc-123.x_Y", True), ("a b", False), ("x" * 65, False), ("", False)])
def test_request_id_of_the_sender_is_kept_where_it_is_harmless(shared_plant: Any, sent: str, is_kept: bool) -> None:
    got = httpx.get(f"{shared_plant.url}/health/live", headers={"X-Request-Id": sent}).headers["x-request-id"]
    assert (got == sent) == is_kept
    assert got.startswith("req-") != is_kept


def test_health_needs_no_key(shared_plant: Any) -> None:
    """C41, S3-041."""
    for path, status in (("live", "live"), ("ready", "ready"), ("", "ready")):
        response = httpx.get(f"{shared_plant.url}/health/{path}".rstrip("/"))
        assert (response.status_code, response.json()) == (200, {"status": status})


def test_body_limit_is_exact(shared_plant: Any) -> None:
    """C4: 413 over 5 MiB."""
    http = shared_plant.http()
    limit = 5 * 1024 * 1024
    assert http.post("/readings", content=READING.ljust(limit), headers=JSON).status_code == 201
    response = http.post("/readings", content=READING.ljust(limit + 1), headers=JSON)
    assert response.status_code == 413
    assert is_problem(response)


def test_body_of_unknown_length_is_cut_off_at_the_limit(shared_plant: Any) -> None:
    def chunks() -> Any:
        for _ in range(100):
            yield b" " * 1024 * 1024

    response = shared_plant.http().post("/readings", content=chunks(), headers=JSON)
    assert response.status_code == 413


def test_item_limit(shared_plant: Any) -> None:
    """S0-020, C5: 1,000 per request."""
    http = shared_plant.http()
    for count, status in ((1_000, 201), (1_001, 413)):
        body = b"[" + b",".join([READING] * count) + b"]"
        assert http.post("/readings", content=body, headers=JSON).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Content-Type": "application/json; charset=utf-8"}, 201),
        ({"Content-Type": "text/csv"}, 400),
        ({"Content-Type": "application/xml"}, 415),
        ({"Content-Encoding": "gzip"}, 400),
        ({"Content-Encoding": "zstd"}, 400),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "identity"}, 201),
        ({"Idempotency-Key": "0b6b1f0e-6d1c-4c53-9c0e-6f3f7a3f8a11"}, 201),
        ({"Idempotency-Key": "x" * 200}, 201),
        ({"Idempotency-Key": "x" * 201}, 400),
        ({"Idempotency-Key": ""}, 400),
        ({"Idempotency-Key": "a b"}, 400),
    ],
)
def test_headers_are_looked_at(shared_plant: Any, headers: dict[str, str], status: int) -> None:
    response = shared_plant.http().post("/readings", content=READING, headers=headers)
    assert response.status_code == status
    assert status == 201 or is_problem(response)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[", b"\xff\xfe", b"[" * 1_000_000, b"null", b"[]"])
def test_body_that_is_not_json(shared_plant: Any, body: bytes) -> None:
    response = shared_plant.http().post("/readings", content=body, headers=JSON)
    assert response.status_code == 400
    assert is_problem(response)


@pytest.mark.parametrize(
    "body",
    [
        b'{"equipment_code":"pump-1","metric":"pressure","value":1,"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"equipment_code":"' + b"x" * 4_000_000 + b'","metric":"pressure","value":1}',
        b'{"equipment_code":"pump-1","metric":"' + b"\\u0000" * 100_000 + b'","value":1}',
        b'{"equipment_code":"pump-1","metric":"pressure","value":' + b"1" * 100_000 + b"}",
        b'{"equipment_code":"\xff\xfe","metric":"pressure","value":1}',
    ],
)
def test_hostile_item_is_quarantined_whole(shared_plant: Any, body: bytes) -> None:
    response = shared_plant.http().post("/readings", content=body, headers=JSON)
    assert response.status_code == 422
    assert response.json()["receipt"]["quarantined"] == 1
    assert len(response.content) < 2_000
    assert shared_plant.http().get("/quarantine").json()["items"][0]["item"].startswith('{"equipment_code":"')


def test_connection_that_ends_in_the_middle_of_a_body_harms_nobody(shared_plant: Any) -> None:
    address = urlsplit(shared_plant.url)
    key = shared_plant.key("push")
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /api/v1/readings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            b"X-API-Key: " + key.encode() + b"\r\n\r\n[{"
        )
    assert shared_plant.http().post("/readings", content=READING, headers=JSON).status_code == 201
