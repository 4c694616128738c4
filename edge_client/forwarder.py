"""Sends what is in the spool, oldest first, until the API has acknowledged it. Filling the spool belongs to `loop.py`.

A batch is sent again, as the same bytes under the same key, until it is answered. The answer decides:

- stored (201, 200, or 422 with a receipt): acknowledged and counted;
- unreachable, overloaded, broken (no answer, 429, 5xx): wait and try again, look at its readiness meanwhile;
- too large (413): split in halves;
- the batch is wrong (400, 409, 415, 422 without a receipt): put aside as a dead letter;
- anything else, such as 401 and 403: the key or the address is wrong, the items are not: wait and try again.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from random import Random
from typing import Protocol

import httpx

from edge_client.collectors.collector import Registration
from edge_client.errors import ConfigurationError
from edge_client.pacing import Pacing
from edge_client.settings import EdgeSettings
from edge_client.spool import LAST_ANSWER, SPOOL_ID, Spool
from edge_client.spool_losses import LossCount
from edge_client.spool_rows import Batch
from ingestion_api.client import ApiRefused, ApiUnavailable, PushOutcome
from ingestion_api.contract import Entity, Kind, LossReport, Problem

IDLE_S = 0.05
REPORT_INTERVAL_S = 1.0
TOO_LARGE = 413
BLAMES_THE_BATCH = frozenset({400, 409, 413, 415, 422})
BLAMES_THE_SENDER = frozenset({401, 403, 404, 405, 407})


class Api(Protocol):
    """What the forwarder needs of `ingestion_api.client.IngestionClient`."""

    def push(
        self, kind: Kind, body: bytes, *, idempotency_key: str | None = None, is_replay: bool = False
    ) -> PushOutcome:
        """Push one batch."""
        ...

    def put(self, entity: Entity, code: str, payload: dict[str, object]) -> dict[str, object]:
        """Register one entry."""
        ...

    def report_loss(self, report: LossReport) -> object:
        """Report items that will never be sent."""
        ...

    def is_ready(self) -> bool:
        """Tell whether the API takes batches."""
        ...


class Clock(Protocol):
    """What time it is, for people and for waiting."""

    def time(self) -> float:
        """Return seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that is never set."""
        ...


class Forwarder:
    """At-least-once delivery of one spool to one API.

    Args:
        spool: What to send.
        api: Where to.
        settings: How patiently.
        registrations: What must be registered before the first batch is sent.
        clock: The time.
        jitter: Makes the waits differ.
        notice: Told in one sentence when the state of the delivery changes.
    """

    def __init__(
        self,
        spool: Spool,
        api: Api,
        settings: EdgeSettings,
        *,
        registrations: Iterable[Registration],
        clock: Clock,
        jitter: Random,
        notice: Callable[[str], None],
    ) -> None:
        self._spool = spool
        self._api = api
        self._settings = settings
        self._registrations = deque(registrations)
        self._clock = clock
        self._notice = notice
        self._pacing = Pacing(settings, jitter)
        self._attempt_at = 0.0
        self._probe_at: float | None = None  # None: the API was not silent, so its readiness says nothing new
        self._trouble: str | None = None
        self._report_at = 0.0
        self._is_reporting_refused = False

    def is_registered(self) -> bool:
        """Tell whether everything the collector described is registered."""
        return not self._registrations

    def is_settled(self) -> bool:
        """Tell whether everything is registered, and the API knows every loss or does not want to."""
        return self.is_registered() and (self._is_reporting_refused or not self._unreported())

    def step(self) -> float:
        """Send at most one request.

        Returns:
            After how many seconds the next step makes sense.

        Raises:
            ConfigurationError: The API refuses a registration.
            SpoolError: The spool cannot be used.
        """
        wait_s = self._wait_s()
        if wait_s > 0:
            return wait_s
        try:
            if self._registrations:
                return self._register()
            self._report_losses()
            return self._push()
        except ApiUnavailable as error:
            return self._unavailable(error)

    def _wait_s(self) -> float:
        """Return how long to wait; while the API is silent, look now and then whether it is back."""
        now = self._clock.monotonic()
        if now >= self._attempt_at:
            return 0
        if self._probe_at is None:
            return self._attempt_at - now
        if now >= self._probe_at:
            if self._api.is_ready():
                self._attempt_at = now
                return 0
            self._probe_at = self._clock.monotonic() + self._settings.probe_interval_s
        return max(0.001, min(self._attempt_at, self._probe_at) - self._clock.monotonic())

    def _register(self) -> float:
        entity, code, payload = self._registrations[0]
        try:
            self._api.put(entity, code, payload)
        except ApiRefused as error:
            if error.problem.status not in BLAMES_THE_SENDER:
                raise ConfigurationError(f"the API refuses to register {entity} {code}: {error}") from error
            return self._pause(error.problem)
        self._registrations.popleft()
        self._is_well()
        return 0

    def _unreported(self) -> list[LossCount]:
        return [loss for loss in self._spool.losses() if loss.total > loss.reported]

    def _report_losses(self) -> None:
        """Report what was dropped since the last report. Totals, so that an unanswered report may be repeated."""
        now = self._clock.monotonic()
        if now < self._report_at:
            return
        for loss in self._unreported():
            report = LossReport(
                client_id=self._spool.fact(SPOOL_ID) or "",
                kind=loss.kind,
                reason=loss.reason,
                lost_total=loss.total,
                first_at=datetime.fromtimestamp(loss.first_at, UTC),
                last_at=datetime.fromtimestamp(loss.last_at, UTC),
            )
            try:
                self._api.report_loss(report)
            except ApiRefused as error:
                # The items that are left are worth more than the report on those that are gone.
                if not self._is_reporting_refused:
                    self._notice(f"the API takes no report of {loss.total} lost {loss.kind}: {error}")
                self._is_reporting_refused = True
                self._report_at = now + self._settings.backoff_max_s
                return
            self._spool.loss_reported(loss)
            self._is_reporting_refused = False
            self._is_well()
        self._report_at = now + REPORT_INTERVAL_S

    def _push(self) -> float:
        batch = self._spool.next_batch(
            self._pacing.batch_size, now=self._clock.time(), linger_s=self._settings.linger_s
        )
        if batch is None:
            return IDLE_S
        try:
            outcome = self._api.push(
                batch.kind, batch.body, idempotency_key=batch.idempotency_key, is_replay=batch.is_replay
            )
        except ApiRefused as error:
            return self._refused(batch, error.problem)
        except ApiUnavailable as error:
            if batch.is_new and isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout):
                self._spool.release(batch)  # it never left: later it goes in a fuller batch
            raise
        return self._stored(batch, outcome)

    def _stored(self, batch: Batch, outcome: PushOutcome) -> float:
        receipt = outcome.receipt
        if receipt.accepted + receipt.quarantined != batch.item_count:
            raise ApiUnavailable(
                f"the receipt of batch {receipt.batch_id} is for {receipt.accepted + receipt.quarantined} items "
                f"where {batch.item_count} were sent"
            )
        answer = f"{self._now()} {outcome.status}: {receipt.accepted} accepted, {receipt.quarantined} quarantined"
        # A repeat under our own key answers a send whose first answer we never saw: these items were not counted yet.
        if receipt.idempotency_key == batch.idempotency_key:
            self._spool.acknowledge(batch, answer, accepted=receipt.accepted, quarantined=receipt.quarantined)
        else:
            self._spool.acknowledge(batch, f"{answer}, a repeat", repeated=batch.item_count)
        self._pacing.succeeded(self._spool.counters().pending)
        self._is_well()
        return 0

    def _refused(self, batch: Batch, problem: Problem) -> float:
        if problem.status not in BLAMES_THE_BATCH:
            return self._pause(problem)
        if problem.status == TOO_LARGE and batch.item_count > 1:
            self._pacing.found_too_large()
            self._spool.split(batch)
            return 0
        answer = f"{self._now()} {problem.status} {problem.title}: {problem.detail}"
        self._spool.reject(batch, answer)
        self._notice(f"the API refuses a batch of {batch.item_count} {batch.kind} for good, it is kept aside: {answer}")
        return 0

    def _pause(self, problem: Problem) -> float:
        """Wait without looking at the readiness: a person must change the key or the address."""
        self._probe_at = None
        said = f"{problem.status} {problem.title}: {problem.detail}"
        return self._later(
            f"the API refuses this client ({said}); nothing is lost, trying again: check MILLRACE_EDGE_API_KEY, "
            "its scopes, and MILLRACE_EDGE_API_URL",
            self._pacing.failed(is_overloaded=False),
        )

    def _unavailable(self, error: ApiUnavailable) -> float:
        is_silent = isinstance(error.__cause__, httpx.HTTPError)
        wait_s = self._pacing.failed(is_overloaded=not is_silent, retry_after_s=error.retry_after_s)
        self._probe_at = self._clock.monotonic() + self._settings.probe_interval_s if is_silent else None
        return self._later(f"{error}; trying again", wait_s)

    def _later(self, trouble: str, wait_s: float) -> float:
        self._attempt_at = self._clock.monotonic() + wait_s
        if trouble != self._trouble:
            self._spool.note(LAST_ANSWER, f"{self._now()} {trouble}")
            self._notice(trouble)
        self._trouble = trouble
        return self._wait_s()

    def _is_well(self) -> None:
        self._pacing.answered()
        if self._trouble is not None:
            self._notice("the API answers again")
        self._trouble, self._probe_at = None, None

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="seconds")
