"""What endpoints share: everything that lives as long as the application. Endpoints themselves are in `routes/`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ingestion_api.alarm_desk import AlarmDesk
from ingestion_api.alarm_sweep import AlarmSweep
from ingestion_api.alarm_watch import AlarmWatch
from ingestion_api.export import Export
from ingestion_api.inbox import Inbox
from ingestion_api.intake import Intake
from ingestion_api.key_ring import KeyRing
from ingestion_api.last_value_writer import LastValueWriter
from ingestion_api.losses import Losses
from ingestion_api.metrics import Metrics
from ingestion_api.quarantine import Quarantine
from ingestion_api.quotas import Quota, Quotas
from ingestion_api.read_store import ReadStore
from ingestion_api.reads import Reads
from ingestion_api.registry import Registry
from ingestion_api.registry_cache import RegistryCache
from ingestion_api.settings import IngestionApiSettings
from ingestion_api.store import Store
from ingestion_api.tails import Tails


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of one running instance; all share one store."""

    settings: IngestionApiSettings
    store: Store
    now: Callable[[], datetime]
    keys: KeyRing
    registry: Registry
    registry_cache: RegistryCache
    inbox: Inbox
    last_values: LastValueWriter
    intake: Intake
    quarantine: Quarantine
    export: Export
    losses: Losses
    reads: Reads
    quotas: Quotas
    metrics: Metrics
    alarm_desk: AlarmDesk
    alarm_sweep: AlarmSweep
    tails: Tails


def build(settings: IngestionApiSettings, store: Store, now: Callable[[], datetime] = utc_now) -> Services:
    """Build the services on a store; nothing connects yet."""
    registry_cache = RegistryCache(store)
    export, desk = Export(store), AlarmDesk(store)
    last_values = LastValueWriter(store)
    inbox = Inbox(store, last_values)
    alarm_watch = AlarmWatch(store)
    metrics = Metrics()
    quotas = Quotas(store, Quota(settings.requests_per_min, settings.items_per_min))
    return Services(
        settings=settings,
        store=store,
        now=now,
        keys=KeyRing(store),
        registry=Registry(store),
        registry_cache=registry_cache,
        inbox=inbox,
        last_values=last_values,
        intake=Intake(inbox, registry_cache, now, settings.max_items, quotas, metrics, alarm_watch),
        quarantine=Quarantine(store, registry_cache),
        export=export,
        losses=Losses(store),
        reads=Reads(ReadStore(settings), now),
        quotas=quotas,
        metrics=metrics,
        alarm_desk=desk,
        tails=Tails(export, desk),
        alarm_sweep=AlarmSweep(store, registry_cache, alarm_watch, now),
    )
