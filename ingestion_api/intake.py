"""One push, from its bytes to its receipt: parse, judge, store. HTTP, SQL and the rules do not belong here."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingestion_api.alarm_watch import AlarmWatch
from ingestion_api.alarms import Case
from ingestion_api.auth import Credential
from ingestion_api.batch import Batch, Stored
from ingestion_api.columns import EventColumns, ReadingColumns
from ingestion_api.contract import Kind
from ingestion_api.errors import BatchRefused, NothingAcceptable, SignalsMoved, SiteNotRegistered, Unavailable
from ingestion_api.formats.catalog import PARSERS
from ingestion_api.formats.context import Context
from ingestion_api.formats.parsed import ParsedBody
from ingestion_api.inbox import Inbox
from ingestion_api.judge import Judgement, judge
from ingestion_api.layout import Layouts
from ingestion_api.metrics import Metrics
from ingestion_api.quotas import Quotas
from ingestion_api.registry_cache import RegistryCache
from ingestion_api.rules import Circumstances

# Parsing 1 MiB takes some 10 ms; what takes longer must not hold up every other request.
_LARGE_BYTES = 1024 * 1024
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Push:
    """A batch as it came in.

    Attributes:
        equipment_code: What its items are of that name no equipment.
        is_atomic: Whether one refused item refuses the whole batch (C4).
    """

    kind: Kind
    format: str
    body: bytes
    idempotency_key: str | None
    is_replay: bool
    equipment_code: str | None = None
    is_atomic: bool = False


class Intake:
    """Takes pushes in."""

    def __init__(
        self,
        inbox: Inbox,
        registry_cache: RegistryCache,
        now: Callable[[], datetime],
        max_items: int,
        quotas: Quotas,
        metrics: Metrics,
        alarm_watch: AlarmWatch,
    ) -> None:
        self._inbox = inbox
        self._registry_cache = registry_cache
        self._now = now
        self._max_items = max_items
        self._quotas = quotas
        self._metrics = metrics
        self._alarm_watch = alarm_watch
        self._layouts = Layouts()

    async def take(self, credential: Credential, push: Push) -> Stored:
        """Judge a batch and store it durably.

        Raises:
            MalformedRequest: The body cannot be split into items.
            TooLarge: It holds too many.
            RateLimited: The credential's items of this minute are used up; nothing is stored.
            Unauthenticated: The key was revoked since the request was let in; nothing is stored.
            SiteNotRegistered: The key's site is not in the registry.
            KeyReused: The idempotency key names another body.
            NothingAcceptable: Every item was quarantined; the batch is stored.
            BatchRefused: An item of an atomic batch was refused; nothing is stored.
            Unavailable: Other batches kept registering the same signals.
        """
        received_at = self._now()
        body = await self._parse(push, credential, received_at)
        await self._quotas.charge(credential, "items", len(body.columns.event_time))
        site_code = credential.site_code
        if isinstance(body.columns, ReadingColumns):
            body.columns.share(self._layouts.known(site_code, body.columns.layout))
        for attempt in range(_ATTEMPTS):
            judgement = await self._judge(site_code, body, received_at, is_fresh=attempt > 0)
            if push.is_atomic and judgement.refused:
                raise BatchRefused(judgement.refused)
            present = None if push.is_replay or not isinstance(body.columns, ReadingColumns) else body.columns
            cases = await self._cases(site_code, present, judgement, received_at) if present else []
            batch = Batch(
                site_code=site_code,
                kind=push.kind,
                credential=credential.name,
                key_hash=credential.key_hash,
                body=push.body,
                received_at=received_at,
                judgement=judgement,
                originals=body.originals,
                idempotency_key=push.idempotency_key,
                format=push.format,
                equipment_code=push.equipment_code,
                is_replay=push.is_replay,
                # Two readings of a device without a clock may look alike and still be two.
                is_known_by_content=None not in body.columns.event_time and not body.has_relative_times,
                identity=_identity(push, body, credential),
                present=present,
                cases=cases,
            )
            try:
                stored = await self._inbox.store(batch)
            except SignalsMoved:
                continue
            if stored.is_watch_changed:
                self._alarm_watch.forget(site_code)
            if judgement.new_signals:
                self._registry_cache.invalidate(site_code)
            receipt, is_repeat = stored.receipt, stored.is_repeat
            self._metrics.pushed(push.kind, receipt.accepted, receipt.refused, len(push.body), is_repeat=is_repeat)
            if receipt.accepted == 0:
                raise NothingAcceptable(receipt, is_repeat=is_repeat)
            return stored
        raise Unavailable("other batches keep registering the same signals; send it again")

    async def _parse(self, push: Push, credential: Credential, received_at: datetime) -> ParsedBody:
        parse = PARSERS[push.format]
        context = Context(
            max_items=self._max_items,
            equipment_code=push.equipment_code or "",
            source_code=credential.name,
            received_at=received_at,
        )
        if len(push.body) > _LARGE_BYTES:
            return await asyncio.to_thread(parse, push.kind, push.body, context)
        return parse(push.kind, push.body, context)

    async def _cases(
        self, site_code: str, columns: ReadingColumns, judgement: Judgement, received_at: datetime
    ) -> Sequence[Case]:
        """Choose what of the readings alarm rules have to judge."""
        refused = {refusal.index for refusal in judgement.refused}
        watch = self._registry_cache.watch(site_code)
        return await self._alarm_watch.cases(site_code, watch, columns, refused, received_at)

    async def _judge(self, site_code: str, body: ParsedBody, received_at: datetime, *, is_fresh: bool) -> Judgement:
        """Judge by the registry in memory; where that would refuse what it does not know, by the registry as it is."""
        if not is_fresh:
            known = await self._registry_cache.codes(site_code)
            judgement = judge(body, Circumstances(received_at, known))
            if known.is_site_registered and not judgement.is_doubtful():
                return judgement
        known = await self._registry_cache.fresh_codes(site_code)
        if not known.is_site_registered:
            raise SiteNotRegistered(site_code)
        return judge(body, Circumstances(received_at, known))


def _identity(push: Push, body: ParsedBody, credential: Credential) -> bytes:
    """Tell batches apart that have the same bytes and say different things; empty for plain JSON."""
    says_who = isinstance(body.columns, EventColumns) and credential.name in body.columns.source_code
    parts = (
        "" if push.format == "json" else push.format,
        push.equipment_code or "",
        credential.name if says_who else "",
    )
    return "\0".join(parts).encode() + b"\0" if any(parts) else b""
