"""What every endpoint does first: find the services, find out who asks, read the body. Answers do not belong here."""

import re

from fastapi import Request

from ingestion_api.auth import Credential, Scope
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.services import Services

_KEY = re.compile(r"[!-~]{1,200}")
_BEARER = "bearer "


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
    """
    headers = request.headers
    authorization = headers.get("authorization", "")
    key = headers.get("x-api-key")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        key = authorization[len(_BEARER) :].strip()
    credential = await services(request).keys.authenticate(key, is_checked_later=is_checked_later)
    note(request, credential=credential.name, site_code=credential.site_code)
    credential.require(*scopes)
    return credential


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
