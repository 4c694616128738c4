"""A bad network between a client and the API, as a process of its own: `python proxy.py PORT UPSTREAM SEED LOG MALICE`.

It reads whole requests, so that it knows what it harms. What it does to each is drawn from the seed by connection and
request, and written to LOG, one JSON object a line: a failure can be read there, and repeated with the same seed.
MALICE is the share of pushes that are harmed. It knows HTTP/1.1 with Content-Length, which is what the client speaks.

| deed | what the client sees | what the API sees |
|---|---|---|
| pass | the answer | the request |
| refuse | a closed connection | nothing |
| cut | a closed connection | half of the request |
| late | a closed connection | the request, after the client has sent it again and again: reordered |
| swallow | a closed connection | the request |
| truncate | half of the answer | the request |
| portal | 200 with a page of somebody else | nothing |
| delay | the answer, late | the request, late |
| again | the answer | the request, and then once more |
| twins | the answer | the request twice at the same time |
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

DEEDS = ("refuse", "cut", "late", "swallow", "truncate", "portal", "delay", "again", "twins")
PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<html>Please log in</html>"
PUSHES = ("/api/v1/readings", "/api/v1/events")
GONE = (OSError, EOFError)  # asyncio.IncompleteReadError is an EOFError


class Proxy:
    """What one run of the proxy needs to know."""

    def __init__(self, upstream: int, seed: int, log: Path, malice: float) -> None:
        self._upstream = upstream
        self._random = random.Random(seed)
        self._log = log.open("a", buffering=1)
        self._malice = malice
        self._later: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until somebody leaves."""
        try:
            while await self._exchange(reader, writer):
                pass
        except GONE as error:
            self._note(deed="gone", error=repr(error))
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one request through; tell whether the connection goes on."""
        head, body = await message(reader)
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        key = header(head, b"idempotency-key")
        is_harmed = path in PUSHES and self._random.random() < self._malice
        deed = self._random.choice(DEEDS) if is_harmed else "pass"
        seen = {"deed": deed, "path": path, "key": key}
        if deed == "refuse":
            self._note(**seen)
            return False
        if deed == "portal":
            writer.write(PORTAL)
            await writer.drain()
            self._note(**seen)
            return True
        if deed == "cut":
            await self._send_half(head + body)
            self._note(**seen)
            return False
        if deed == "late":
            self._in_background(self._send_later(head + body, self._random.uniform(0.1, 1.5), seen))
            return False
        if deed == "delay":
            await asyncio.sleep(self._random.uniform(0.05, 0.6))
        if deed == "twins":
            self._in_background(self._send_later(head + body, 0, {**seen, "deed": "twin"}))
        answer = await self._ask(head + body)
        if deed == "again":
            self._in_background(self._send_later(head + body, 0, {**seen, "deed": "repeat"}))
        seen |= {"status": int(answer.split(b" ", 2)[1]), "retry_after": header(answer, b"retry-after")}
        if deed == "swallow":
            self._note(**seen)
            return False
        if deed == "truncate":
            writer.write(answer[: self._random.randrange(1, len(answer) - 1)])
            await writer.drain()
            self._note(**seen)
            return False
        # Noted first: what stands in the log as delivered may not have arrived, never the other way round.
        self._note(**seen, is_delivered=True)
        writer.write(answer)
        await writer.drain()
        return True

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(request)
            await writer.drain()
            head, body = await message(reader)
            return head + body
        finally:
            writer.close()

    async def _send_half(self, request: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        writer.write(request[: len(request) // 2])
        await writer.drain()
        writer.close()

    async def _send_later(self, request: bytes, wait_s: float, seen: dict[str, Any]) -> None:
        await asyncio.sleep(wait_s)
        try:
            answer = await self._ask(request)
        except GONE as error:
            self._note(**seen, error=repr(error))
        else:
            self._note(**seen, status=int(answer.split(b" ", 2)[1]))

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _note(self, **seen: Any) -> None:
        self._log.write(json.dumps({"at": round(time.time(), 3), **seen}) + "\n")


async def message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one request or answer.

    Raises:
        asyncio.IncompleteReadError: It ends too early.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(header(head, b"content-length") or 0))


def header(head: bytes, name: bytes) -> str | None:
    """Find a header's value."""
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip().decode()
    return None


async def main(port: int, upstream: int, seed: int, log: Path, malice: float) -> None:
    """Listen until killed."""
    proxy = Proxy(upstream, seed, log, malice)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port, limit=8 * 1024**2)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5])))
