"""Cursors of the read API: where a page ended, as text a client hands back unread. Queries do not belong here."""

import base64
import binascii
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from ingestion_api.errors import MalformedRequest

Key = date | datetime | str | int
_MAX_CURSOR = 1_000
_BIGGEST = 2**31 - 1


def encode(keys: Sequence[Key]) -> str:
    """Write the keys of a page's last row."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(keys))).decode().rstrip("=")


def decode(cursor: str, types: Sequence[type[Key]]) -> list[Key]:
    """Read the keys of a page's last row.

    Raises:
        MalformedRequest: This is no cursor that the same request was answered with.
    """
    try:
        if len(cursor) > _MAX_CURSOR:
            raise ValueError("too long")
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys = msgspec.json.decode(packed, type=list[str | int])
        if len(keys) != len(types):
            raise ValueError("of another list")
        return [_typed(key, kind) for key, kind in zip(keys, types, strict=True)]
    except (ValueError, TypeError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise MalformedRequest("cursor: take it from next_cursor of the page before, unchanged") from error


def _typed(key: str | int, kind: type[Key]) -> Key:
    typed: Key = msgspec.convert(key, kind)
    if isinstance(typed, datetime) and typed.tzinfo is None:
        raise ValueError("no time zone")
    if isinstance(typed, str) and "\0" in typed:
        raise ValueError("no text")
    if isinstance(typed, int) and abs(typed) > _BIGGEST:
        raise ValueError("too big")
    return typed
