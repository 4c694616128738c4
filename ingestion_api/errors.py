"""Why a request is refused. How that is written on the wire does not belong here; see `problems.py`.

IngestionError
├── MalformedRequest        400  the body cannot be split into items, or a parameter is wrong
├── Unauthenticated         401  no key, or one that is unknown or revoked
├── NotAllowed              403  the key lacks the scope, or is another site's
│   └── SiteNotRegistered   403  the key's site has to be registered first
├── NotThere                404  no such entity
├── DependencyMissing       409  an entity this one rests on is not registered
├── TooLarge                413  too many items, or too many bytes
├── UnknownFormat           415  a body format or encoding nobody here reads
├── InvalidEntity           422  a registry entity breaks a rule
├── KeyReused               422  an idempotency key came back with another body
├── BatchRefused            422  an item of an atomic batch was refused, and with it the batch
├── NothingAcceptable       422  every item was quarantined; carries the receipt
├── RateLimited             429  the credential used up its quota, or the address failed too often
└── Unavailable             503  the store does not answer
    └── MartsUnavailable    503  the warehouse does not answer, or its marts are not built yet

InboxCorrupt                     what is stored contradicts its own counts
KeyNameTaken, NoSuchKey, NoSuchWorker    for the command line
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ingestion_api.contract import BatchReceipt, Refusal


class IngestionError(Exception):
    """Base of all refusals; each carries its HTTP status and a stable name."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    headers: Mapping[str, str] = {}


class MalformedRequest(IngestionError):
    """The request cannot be read."""

    status = 400
    slug = "malformed-request"
    title = "The request cannot be read"


class Unauthenticated(IngestionError):
    """Nobody this API knows sent the request."""

    status = 401
    slug = "unauthenticated"
    title = "A valid API key is needed"
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}

    def ask_person(self) -> None:
        """Let a browser ask who sits before it: any name will do, the password is the key."""
        self.headers = {"WWW-Authenticate": 'Basic realm="Millrace: any name, and an API key as the password"'}


class NotAllowed(IngestionError):
    """The key is good, but not for this."""

    status = 403
    slug = "not-allowed"
    title = "The API key does not allow this"


class SiteNotRegistered(NotAllowed):
    """The key's site is not in the registry yet. Not the batch's fault: the sender keeps it and tries again."""

    slug = "site-not-registered"
    title = "The site is not registered"

    def __init__(self, site_code: str) -> None:
        super().__init__(f"site {site_code!r} is not registered: PUT /api/v1/sites/{site_code} first")


class NotThere(IngestionError):
    """What the path names does not exist."""

    status = 404
    slug = "not-found"
    title = "Not found"


class DependencyMissing(IngestionError):
    """An entity this one rests on is not registered."""

    status = 409
    slug = "dependency-missing"
    title = "Something this rests on is not registered"


class TooLarge(IngestionError):
    """More than one batch may hold."""

    status = 413
    slug = "too-large"
    title = "The batch is too large"


class UnknownFormat(IngestionError):
    """A body format or encoding that is not read here."""

    status = 415
    slug = "unknown-format"
    title = "The body's format is not supported"


class InvalidEntity(IngestionError):
    """A registry entity breaks a rule."""

    status = 422
    slug = "invalid-entity"
    title = "The entity is not valid"


class KeyReused(IngestionError):
    """An idempotency key names one body for ever."""

    status = 422
    slug = "idempotency-key-reused"
    title = "The idempotency key belongs to another body"


class NothingAcceptable(IngestionError):
    """Every item was quarantined. The batch is stored; sending it again is useless."""

    status = 422
    slug = "nothing-acceptable"
    title = "No item could be accepted"

    def __init__(self, receipt: BatchReceipt, *, is_repeat: bool) -> None:
        super().__init__(f"all {receipt.quarantined} items are quarantined; the receipt says why")
        self.receipt = receipt
        self.is_repeat = is_repeat


class RateLimited(IngestionError):
    """More was sent within a minute than is allowed. Nothing of the request was stored."""

    status = 429
    slug = "rate-limited"
    title = "Too much was sent within a minute"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after_s)}


class DemoModeExposed(IngestionError):
    """Demo mode lets anybody in, so it must not listen beyond loopback."""


class BatchRefused(IngestionError):
    """An item of an atomic batch was refused: nothing is stored (C4)."""

    status = 422
    slug = "batch-refused"
    title = "The batch was refused whole"

    def __init__(self, refused: Sequence[Refusal]) -> None:
        first = refused[0]
        super().__init__(
            f"nothing is stored, because {len(refused)} items are refused;"
            f" the first is item {first.index}, {first.reason_code}: {first.detail}"
        )
        self.refused = refused


class Unavailable(IngestionError):
    """The store does not answer; nothing is known to be stored."""

    status = 503
    slug = "unavailable"
    title = "The store does not answer"
    headers: Mapping[str, str] = {"Retry-After": "5"}


class NotMigrated(Unavailable):
    """The store answers, but its tables are missing."""

    slug = "not-migrated"
    title = "The store is not set up"


class MartsUnavailable(Unavailable):
    """What is read from the warehouse cannot be read now. Pushing goes on."""

    slug = "marts-unavailable"
    title = "The warehouse does not answer"


class InboxCorrupt(IngestionError):
    """A stored batch contradicts its own counts."""


class SignalsMoved(IngestionError):
    """Another batch registered a signal of this one first: it has to be judged again."""


class KeyNameTaken(IngestionError):
    """An API key of this name exists, in use or revoked; names stay unique because batches are known by them."""


class NoSuchKey(IngestionError):
    """No API key in use bears this name."""


class NoSuchWorker(IngestionError):
    """No worker of this code is registered at the site."""


class CannotListen(IngestionError):
    """The address to listen on cannot be had."""
