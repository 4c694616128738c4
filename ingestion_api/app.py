"""Assembles the application. What it does is in `routes/` and below."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI

from ingestion_api import openapi, problems
from ingestion_api.contract import API_PREFIX
from ingestion_api.frame import Frame
from ingestion_api.routes import batches, health, losses, push, quarantine, registry
from ingestion_api.services import build, utc_now
from ingestion_api.settings import IngestionApiSettings
from ingestion_api.store import open_store


def create_app(settings: IngestionApiSettings, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    Args:
        settings: Where to store, and how much to take at once.
        now: The clock; returns UTC.

    Raises:
        warehouse.errors.NotStarted: The embedded database was never started, so it has no address yet.
    """
    services = build(settings, open_store(settings), now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await services.store.close()

    app = FastAPI(lifespan=lifespan, redoc_url=None)
    app.state.services = services
    for part in (push, batches, quarantine, registry, losses):
        app.include_router(part.router, prefix=API_PREFIX)
    app.include_router(health.router)
    app.add_middleware(Frame)
    problems.install(app)
    openapi.describe(app)
    return app
