"""Where the time of a push goes: each stage alone, on the same bodies, against the real database, one at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median
from typing import Any

from bench import readings
from bench.readings import JSON
from bench.report import Report

_COUNT = 300
_CHUNK = 65_536


def measure(report: Report, url: str, key: str) -> None:
    """Fill the report's stages in."""
    asyncio.run(_measure(report, url, key))


async def _measure(report: Report, url: str, key: str) -> None:
    from ingestion_api import batch as batch_module
    from ingestion_api import inbox as inbox_module
    from ingestion_api import intake as intake_module
    from ingestion_api import logs
    from ingestion_api.app import create_app
    from ingestion_api.settings import IngestionApiSettings

    logs.configure("warning")
    first = datetime.now(UTC) - timedelta(days=5)
    bodies = list(islice(readings.bodies(JSON, first), _COUNT))
    app = create_app(IngestionApiSettings(database_url=url))
    watch = _Watch()
    restore = [
        watch.on(intake_module.Intake, "_parse", "parse"),
        watch.on(intake_module.Intake, "_judge", "judge"),
        watch.on(batch_module.Batch, "content_hash", "hash (SHA-256)"),
        watch.on(inbox_module.Inbox, "store", "store"),
        watch.on(intake_module.Intake, "take", "take"),
    ]
    compressor = batch_module.compressor
    try:
        whole = [await _push(app, key, body) for body in bodies]
    finally:
        for undo in restore:
            undo()
        await app.state.services.store.close()
    compress = [_timed(lambda body=body: compressor.compress(body)) for body in bodies]  # type: ignore[misc]
    found = {name: median(times[20:]) * 1e6 for name, times in watch.times.items()}
    total = median(whole[20:]) * 1e6
    packing = median(compress) * 1e6
    report.stages = {
        "parse": found["parse"],
        "judge by the rules": found["judge"],
        "hash (SHA-256)": found["hash (SHA-256)"],
        "compress (zstd)": packing,
        "alarms and the rest of taking it in": found["take"] - found["parse"] - found["judge"] - found["store"],
        "INSERT, until committed": found["store"] - found["hash (SHA-256)"] - packing,
        "frame, routing, body, answer": total - found["take"],
        "all": total,
    }


class _Watch:
    """Notes how long methods take, from outside."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def on(self, owner: type, method: str, name: str) -> Callable[[], None]:
        """Time a method; returns what ends that."""
        original = getattr(owner, method)
        times = self.times.setdefault(name, [])

        async def timed_async(*arguments: Any, **named: Any) -> Any:
            started_at = time.perf_counter()
            answer = await original(*arguments, **named)
            times.append(time.perf_counter() - started_at)
            return answer

        def timed(*arguments: Any, **named: Any) -> Any:
            started_at = time.perf_counter()
            answer = original(*arguments, **named)
            times.append(time.perf_counter() - started_at)
            return answer

        setattr(owner, method, timed_async if asyncio.iscoroutinefunction(original) else timed)
        return lambda: setattr(owner, method, original)


def _timed(call: Callable[[], object]) -> float:
    started_at = time.perf_counter()
    call()
    return time.perf_counter() - started_at


async def _push(app: Callable[..., Awaitable[None]], key: str, body: bytes) -> float:
    """Pass one push through the whole application, without a socket."""
    chunks = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "content-length": str(len(body))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/readings",
        "raw_path": b"/api/v1/readings",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    started_at = time.perf_counter()
    await app(scope, receive, send)
    taken = time.perf_counter() - started_at
    if statuses != [201]:
        raise RuntimeError(f"a push was answered {statuses}")
    return taken
