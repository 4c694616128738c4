"""Assembles the application. What it does is in `routes/` and below."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from ingestion_api import demo, openapi, problems
from ingestion_api.contract import API_PREFIX
from ingestion_api.frame import Frame
from ingestion_api.routes import (
    alarms,
    aliases,
    batches,
    health,
    influx,
    losses,
    push,
    quarantine,
    reads,
    registry,
    stream,
)
from ingestion_api.routes.plain_push import PlainPush
from ingestion_api.services import build, utc_now
from ingestion_api.settings import IngestionApiSettings
from ingestion_api.store import open_store

# For what is under way in the background when the application ends.
_PATIENCE_S = 5
# S1-066. Frame is put around it, so that answers to preflights bear the same headers as any other.
_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT"],
    "allow_headers": [
        "Authorization",
        "X-API-Key",
        "Content-Type",
        "Content-Encoding",
        "Idempotency-Key",
        "X-Request-Id",
        "If-None-Match",
        "Last-Event-ID",
    ],
    "expose_headers": [
        "X-Request-Id",
        "Location",
        "Retry-After",
        "ETag",
        "Idempotent-Replayed",
        "RateLimit",
        "RateLimit-Policy",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ],
}


def create_app(settings: IngestionApiSettings, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    Args:
        settings: Where to store, and how much to take at once.
        now: The clock; returns UTC.

    Raises:
        DemoModeExposed: Anybody may push, and not only from this machine.
        warehouse.errors.NotStarted: The embedded database was never started, so it has no address yet.
    """
    demo.check(settings)
    services = build(settings, open_store(settings), now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        sampler = asyncio.create_task(services.metrics.sample(services.store))
        in_rounds = [
            asyncio.create_task(services.alarm_sweep.run(stopping)),
            asyncio.create_task(services.last_values.run(stopping)),
        ]
        yield
        sampler.cancel()
        stopping.set()
        # Whoever comes to the store after it is closed opens a connection that nobody closes.
        await _end([*in_rounds, *services.tails.tasks()])
        await services.last_values.finish()
        await services.store.close()
        await services.reads.close()

    # FastAPI's own page is made of scripts from the internet.
    app = FastAPIOffline(lifespan=lifespan, redoc_url=None, swagger_ui_parameters={"validatorUrl": None})
    app.state.services = services
    app.router.routes[:0] = [
        PlainPush(f"{API_PREFIX}/readings", "readings"),
        PlainPush(f"{API_PREFIX}/events", "events"),
    ]
    for part in (push, batches, quarantine, registry, losses, alarms, stream):
        app.include_router(part.router, prefix=API_PREFIX)
    for part in (health, aliases, influx, reads):
        app.include_router(part.router)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.origins(), **_CORS)
    app.add_middleware(Frame, quotas=services.quotas, metrics=services.metrics)
    problems.install(app)
    openapi.describe(app)
    return app


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until what has been told to stop has done so; cut off what has not, where the store hangs."""
    _, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
