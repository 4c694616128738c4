"""What endpoints share: everything that lives as long as the application. Endpoints themselves are in `routes/`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ingestion_api.auth import KeyRing
from ingestion_api.export import Export
from ingestion_api.inbox import Inbox
from ingestion_api.intake import Intake
from ingestion_api.quarantine import Quarantine
from ingestion_api.registry import Registry
from ingestion_api.registry_cache import RegistryCache
from ingestion_api.settings import IngestionApiSettings


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of one running instance; all share one engine."""

    settings: IngestionApiSettings
    engine: AsyncEngine
    now: Callable[[], datetime]
    keys: KeyRing
    registry: Registry
    registry_cache: RegistryCache
    inbox: Inbox
    intake: Intake
    quarantine: Quarantine
    export: Export


def build(settings: IngestionApiSettings, engine: AsyncEngine, now: Callable[[], datetime] = utc_now) -> Services:
    """Build the services on an engine; nothing connects yet."""
    registry_cache = RegistryCache(engine)
    inbox = Inbox(engine)
    return Services(
        settings=settings,
        engine=engine,
        now=now,
        keys=KeyRing(engine),
        registry=Registry(engine),
        registry_cache=registry_cache,
        inbox=inbox,
        intake=Intake(inbox, registry_cache, now, settings.max_items),
        quarantine=Quarantine(engine, registry_cache),
        export=Export(engine),
    )
