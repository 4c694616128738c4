"""Puts load on a server: wrk as fast as it goes, or requests at a fixed rate. What is sent is made elsewhere.

At a fixed rate each request has its moment, and its latency counts from there, sent or not: a server that stalls makes
every request late that was due meanwhile, as it would real senders (no coordinated omission).
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools

_SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Rate:
    """What wrk saw: requests per second, the failed ones, and latencies under full load."""

    per_s: float
    failed: int
    p50_ms: float
    p99_ms: float


def saturate(port: int, requests: Path, seconds: float, connections: int = 64) -> Rate:
    """Send prepared requests as fast as they are answered.

    Raises:
        RuntimeError: wrk failed, or there were too few requests for the time.
    """
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "20s", "-s", str(_SCRIPT)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}", "--", str(requests)], capture_output=True, text=True, check=False
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    result = json.loads(line.removeprefix("RESULT "))
    if result["exhausted"]:
        raise RuntimeError("there were fewer requests than the server answered: raise REQUESTS_PER_S")
    failed = sum(result[kind] for kind in ("refused", "connect", "read", "write", "timeout"))
    good = result["requests"] - result["refused"]
    return Rate(good / result["duration_s"], failed, result["p50_ms"], result["p99_ms"])


@dataclass(frozen=True)
class Latencies:
    """Of requests that were due at fixed moments."""

    count: int
    failed: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def steady(port: int, make: Callable[[int], bytes], per_s: float, seconds: float, connections: int = 32) -> Latencies:
    """Send `make(0)`, `make(1)`, … each at its moment, over kept connections."""
    import uvloop

    return uvloop.run(_steady(port, make, per_s, seconds, connections))


class _Connection(asyncio.Protocol):
    """One kept connection with one request under way."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[int] | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered and not self.answered.done():
            self.answered.set_exception(ConnectionError("connection lost"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self.answered and not self.answered.done():
            self.answered.set_result(self._parser.get_status_code())
        self._parser = httptools.HttpResponseParser(self)

    async def ask(self, request: bytes) -> int:
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answered


async def _steady(port: int, make: Callable[[int], bytes], per_s: float, seconds: float, connections: int) -> Latencies:
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[_Connection] = asyncio.Queue()
    opened = [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    for connection in opened:
        idle.put_nowait(connection)
    latencies: list[float] = []
    failed = 0

    async def send(request: bytes, due_at: float) -> None:
        nonlocal failed
        connection = await idle.get()
        try:
            status = await connection.ask(request)
            failed += status not in (200, 201, 204)
        except ConnectionError:
            failed += 1
        idle.put_nowait(connection)
        latencies.append((time.perf_counter() - due_at) * 1000)

    start = time.perf_counter() + 0.05
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(per_s * seconds)):
            due_at = start + number / per_s
            request = make(number)
            if (pause := due_at - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            tasks.create_task(send(request, due_at))
    for connection in opened:
        connection.transport.close()
    latencies.sort()
    count = len(latencies)
    return Latencies(count, failed, latencies[count // 2], latencies[min(count - 1, count * 99 // 100)], latencies[-1])
