"""Requests that no friendly client sends, against an API in a process of its own whose memory is watched.

What is wrong with one item is `test_rules.py`'s; here it is what a request does to the server and to everybody else.
"""

import gzip
import os
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest
import zstandard

MIB = 1024**2
BOMB_MIB = 256
GROWTH_MIB = 96  # a body of 5 MiB, its text and what it is decoded into, and what the allocator keeps of it
READING = b'{"equipment_code":"pump-1","metric":"pressure","value":1,"event_time":"2026-02-06T10:30:00Z"}'
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Served:
    """An API in a process of its own."""

    port: int
    key: str
    process: psutil.Process

    def memory_mib(self) -> float:
        return float(self.process.memory_info().rss / MIB)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def head(self, *lines: str, method: str = "POST", path: str = "/api/v1/readings") -> bytes:
        told = [f"{method} {path} HTTP/1.1", "Host: x", f"X-API-Key: {self.key}", "Content-Type: application/json"]
        return "\r\n".join([*told, *lines, "", ""]).encode()

    def answer(self, request: bytes) -> int | None:
        """Send bytes; return the status of the first answer, None where the server just closes."""
        with self.connect() as connection:
            try:
                connection.sendall(request)
                said = connection.recv(65_536)
            except (BrokenPipeError, ConnectionResetError):
                # It may have answered before it closed, without reading all of it.
                try:
                    said = connection.recv(65_536)
                except ConnectionResetError:
                    return None
            return int(said.split(b" ", 2)[1]) if said else None

    def push(self, body: bytes, **headers: str) -> httpx.Response:
        told = {"X-API-Key": self.key, "Content-Type": "application/json", **headers}
        return httpx.post(f"http://127.0.0.1:{self.port}/api/v1/readings", content=body, headers=told, timeout=30)

    def is_well(self) -> bool:
        """Whether somebody else is served meanwhile, and soon."""
        started_at = time.monotonic()
        stored = self.push(READING.replace(b":1,", b":%d," % time.monotonic_ns())).status_code == 201
        return stored and time.monotonic() - started_at < 5


@pytest.fixture(scope="module")
def served(shared_plant: Any) -> Iterator[Served]:
    """The process, which must not have grown when all is over."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "MILLRACE_API_DATABASE_URL": shared_plant.database_url,
        "MILLRACE_API_PORT": str(port),
        "MILLRACE_API_LOG_LEVEL": "error",
        "MILLRACE_API_MANAGEMENT_PORT": "0",
    }
    process = subprocess.Popen([sys.executable, "-m", "ingestion_api", "serve"], env=environment)
    try:
        running = Served(port, shared_plant.key("push_readings", "registry"), psutil.Process(process.pid))
        deadline = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert running.is_well()
        running.push(READING.ljust(5 * MIB))  # the largest that is allowed, so that growth is what hostility adds
        before = running.memory_mib()
        yield running
        assert running.is_well()
        assert running.memory_mib() - before < GROWTH_MIB
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "br", "gzip, gzip", "x-unknown"])
def test_bomb_does_not_go_off(served: Served, encoding: str) -> None:
    """256 MiB of blanks in a body of some kilobytes: refused, and never held."""
    before = served.memory_mib()
    response = served.push(bomb(encoding), **{"Content-Encoding": encoding})
    assert response.status_code in (400, 413, 415)
    assert served.memory_mib() - before < GROWTH_MIB
    assert served.is_well()


def bomb(encoding: str) -> bytes:
    blanks = b" " * MIB
    if encoding == "zstd":
        return b"".join([zstandard.compress(blanks)] * BOMB_MIB)
    if encoding == "gzip, gzip":
        return gzip.compress(bomb("gzip"))
    squeezer = zlib.compressobj(1, wbits=31 if encoding == "gzip" else 15)
    return b"".join([squeezer.compress(blanks) for _ in range(BOMB_MIB)]) + squeezer.flush()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Length: 5242881",), 413),
        (("Content-Length: 99999999999999999999",), 400),
        (("Content-Length: -1",), 400),
        (("Content-Length: many",), 400),
        (("Content-Length: 10", "Content-Length: 20"), 400),
        (("Content-Length: 10", "Transfer-Encoding: chunked"), 400),
        (("Transfer-Encoding: nonsense",), 400),
    ],
)
def test_length_that_cannot_be(served: Served, lines: tuple[str, ...], status: int) -> None:
    """Refused before a byte of the body is read: two readings of one length is how requests are smuggled."""
    assert served.answer(served.head(*lines)) == status
    assert served.is_well()


def test_chunks_without_end(served: Served) -> None:
    """C4: cut off at the limit, though its end never comes."""
    chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
    assert served.answer(served.head("Transfer-Encoding: chunked") + chunk * 6) == 413
    assert served.is_well()


@pytest.mark.parametrize("lines", [["X-Flood: " + "x" * 10 * MIB], [f"X-{n}: {n}" for n in range(100_000)]])
def test_flood_of_headers(served: Served, lines: list[str]) -> None:
    assert served.answer(served.head(*lines)) in (400, 431, None)
    assert served.is_well()


@pytest.mark.parametrize("path", ["/" + "a" * 200_000, "/api/v1/equipment/" + "%00" * 1_000, "/../../etc/passwd", "*"])
def test_path_that_leads_nowhere(served: Served, path: str) -> None:
    assert served.answer(served.head(method="GET", path=path)) in (400, 404, 414, 422, 431, None)
    assert served.is_well()


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "DELETE", "HEAD", "FOO", "post", "PRI"])
def test_method_that_is_none(served: Served, method: str) -> None:
    request = served.head(f"Content-Length: {len(READING)}", "X-HTTP-Method-Override: POST", method=method)
    assert served.answer(request + READING) in (400, 405, 501)


def test_what_is_not_http(served: Served) -> None:
    for said in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1_000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 50,
    ):
        with served.connect() as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            heard = connection.recv(65_536)
            assert heard == b"" or heard.split(b" ", 2)[1] in (b"400", b"404", b"505")
    assert served.is_well()


def test_half_requests_keep_nobody_waiting(served: Served) -> None:
    """Slowloris: 300 connections that say a little and then nothing."""
    with ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(served.connect())
            request = served.head("Content-Length: 1000") + b"[{"
            connection.sendall(request[: 20 + number])
        assert served.is_well()
    assert served.is_well()


def test_requests_in_a_row_are_answered_in_a_row(served: Served) -> None:
    """Pipelined: a refused one does not swallow those behind it."""
    wrong = b'{"no":"item"'
    requests = HEALTH + served.head(f"Content-Length: {len(wrong)}") + wrong + HEALTH
    with served.connect() as connection:
        connection.sendall(requests)
        said = b""
        while said.count(b"HTTP/1.1 ") < 3:
            heard = connection.recv(65_536)
            assert heard
            said += heard
    assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400", b"200"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"readings":' * 10_000 + b"[]" + b"}" * 10_000,
        b'{"equipment_code":"' + b"x" * 4 * MIB + b'","metric":"m","value":1}',
        b'{"equipment_code":"pump-1","metric":"m","value":1,"event_time":"' + b"9" * MIB + b'"}',
        b"[" + b"0," * 900 + b"0]",
        b"[" + b"{}," * 900 + b"{}]",
        b'{"value":NaN,"equipment_code":"pump-1","metric":"m"}',
        b'{"value":-Infinity,"equipment_code":"pump-1","metric":"m"}',
        b'{"value":1e400,"equipment_code":"pump-1","metric":"m"}',
        b'{"value":1,"equipment_code":"pump-1\\ud800","metric":"m"}',
        b'{"value":1,"equipment_code":"\xc0\x80","metric":"m"}',
        b"\xff\xfe{\x00}\x00",
        READING + READING,
        READING + b"\x00",
    ],
)
def test_body_that_is_meant_badly(served: Served, body: bytes) -> None:
    """Refused as a whole, or item by item with each accounted for; never accepted."""
    response = served.push(body)
    assert response.status_code in (400, 413, 422)
    problem = response.json()
    if problem.get("receipt"):
        assert problem["receipt"]["accepted"] == 0
        assert problem["receipt"]["quarantined"] > 0
    assert served.is_well()


@pytest.mark.parametrize(
    ("event_time", "is_accepted"),
    [
        ("9999-12-31T23:59:59Z", False),
        ("0001-01-01T00:00:00Z", False),
        ("0000-00-00T00:00:00Z", False),
        ("2016-12-31T23:59:60Z", False),
        ("2026-02-06T24:00:00Z", False),
        ("2026-02-30T10:00:00Z", False),
        ("2026-02-06T10:00:00+24:00", False),
        ("2026-02-06T10:00:00", False),
        ("2026-W06-5T10:00:00Z", False),
        ("٢٠٢٦-02-06T10:00:00Z", False),
        ("1770373800", False),
        ("2026-02-06T10:00:00+23:59", True),
        ("2026-02-06T10:00:00-23:59", True),
        ("2026-02-06T10:00:00.123456Z", True),
    ],
)
def test_time_that_cannot_be_is_quarantined_with_its_reason(served: Served, event_time: str, is_accepted: bool) -> None:
    """C15: a time is RFC 3339 with an offset, and one that happened."""
    item = {"equipment_code": "pump-1", "metric": "pressure", "value": 1, "event_time": event_time}
    told = {"X-API-Key": served.key}
    response = httpx.post(f"http://127.0.0.1:{served.port}/api/v1/readings", json=[item], headers=told)
    receipt = response.json() if is_accepted else response.json()["receipt"]
    assert response.status_code in ((200, 201) if is_accepted else (422,))
    assert (receipt["accepted"], receipt["quarantined"]) == ((1, 0) if is_accepted else (0, 1))


def test_first_of_two_values_is_not_chosen_in_silence(served: Served) -> None:
    """Duplicate keys: RFC 8259 leaves open which one counts; what is stored is what the receipt says, once."""
    body = READING.replace(b'"value":1', b'"value":5,"value":6')
    response = served.push(body)
    assert response.status_code in (201, 422)
    receipt = response.json() if response.status_code == 201 else response.json()["receipt"]
    assert receipt["accepted"] + receipt["quarantined"] == 1
