"""What every endpoint does first: find the services, find out who asks, read the body. Answers do not belong here."""

import base64
import re

from fastapi import Request

from ingestion_api import demo
from ingestion_api.auth import Credential, Scope
from ingestion_api.errors import MalformedRequest, TooLarge, Unauthenticated
from ingestion_api.services import Services

_KEY = re.compile(r"[!-~]{1,200}")
# InfluxDB 2's clients call theirs a token.
_BEARERS = ("bearer", "token")
# InfluxDB 1's clients may send their password in the query.
INFLUX_PATHS = ("/write", "/query")


def services(request: Request) -> Services:
    """Return the application's services."""
    found: Services = request.app.state.services
    return found


async def admit(request: Request, *scopes: Scope, is_checked_later: bool = False) -> Credential:
    """Find out who asks, and let pass who holds one of the scopes.

    Args:
        request: With a key in one of two headers.
        scopes: Any of them will do.
        is_checked_later: Whether what was sent is stored by a statement that looks at the key again.

    Raises:
        Unauthenticated: No key, or a bad one.
        NotAllowed: None of the scopes.
        RateLimited: The credential's requests of this minute, or the address's failures, are used up.
    """
    credential = await _who_asks(request, _key_of(request), is_checked_later=is_checked_later)
    note(request, credential=credential.name, site_code=credential.site_code)
    request.state.credential = credential
    await services(request).quotas.charge(credential, "requests")
    credential.require(*scopes)
    return credential


async def stands(request: Request) -> bool:
    """Tell whether the key of a request that was let in still works."""
    if request.state.credential.key_hash is None:
        return True
    try:
        await services(request).keys.authenticate(_key_of(request))
    except Unauthenticated:
        return False
    return True


def _key_of(request: Request) -> str | None:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in _BEARERS:
        return rest.strip()
    if scheme.lower() == "basic" and not _is_forged(request):
        return _password(rest)
    if request.url.path in INFLUX_PATHS and "p" in request.query_params:
        return request.query_params["p"]
    return request.headers.get("x-api-key")


def _is_forged(request: Request) -> bool:
    """Whether another site's page may have made a browser send this, with the password that the browser remembers."""
    origin = request.headers.get("origin")
    if request.method in ("GET", "HEAD") or origin in services(request).settings.origins():
        return False
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        return True
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _is_opened(request: Request) -> bool:
    """Whether somebody opened a link in a browser. Over plain http browsers say so to this machine alone."""
    asks_for_page = request.method == "GET" and request.headers.get("accept", "").startswith("text/html")
    return request.headers.get("sec-fetch-mode", "navigate" if asks_for_page else "") == "navigate"


def _password(credentials: str) -> str | None:
    """Return the password of Basic credentials: the key, where a client knows no other scheme."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return None


async def _who_asks(request: Request, key: str | None, *, is_checked_later: bool) -> Credential:
    """Look the key up; an address that sent too many bad ones is heard only with keys that were good before."""
    own = services(request)
    address = request.client.host if request.client else "unknown"
    if key is None and (visitor := demo.anonymous(own.settings, address, request.headers.get("origin"))):
        return visitor
    subject, limit = f"failed:{address}", own.settings.unauthenticated_per_min
    try:
        if not own.keys.has_met(key):
            own.quotas.require_left(subject, "requests", limit)
        return await own.keys.authenticate(key, is_checked_later=is_checked_later)
    except Unauthenticated as refusal:
        await own.quotas.spend(subject, "requests", limit)
        # Who opened a link sees the answer: a script would only be disturbed by the question.
        if _is_opened(request):
            refusal.ask_person()
        raise


def note(request: Request, **facts: object) -> None:
    """Add facts to the request's line in the log: never a key, a body or a name."""
    request.state.facts.update(facts)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read the body, and stop at the limit.

    Raises:
        TooLarge: The body is longer, or says it will be.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def idempotency_key(request: Request) -> str | None:
    """Return the batch's name, if the sender gave it one.

    Raises:
        MalformedRequest: It is empty, too long, or not printable ASCII.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise MalformedRequest("Idempotency-Key must be 1 to 200 printable ASCII characters without blanks")
    return key


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"the body is longer than {max_bytes} bytes; send fewer items at once")
