"""JSON bodies: one item, an array, or an array under the kind's name. Whether items are believed is not decided here.

A body in the contract's words is decoded whole and typed. Any other is split into items, and each is read alone, so
that what is wrong with one stays with that one. Of a key that stands twice in an object, the last value counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import msgspec

from ingestion_api.columns import Columns
from ingestion_api.contract import Event, Kind, Reading
from ingestion_api.errors import MalformedRequest
from ingestion_api.formats import json_items
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import Item, assemble, check_count, fixed, to_columns
from ingestion_api.formats.json_items import CANNOT_DECODE
from ingestion_api.formats.json_splitter import split
from ingestion_api.formats.names import ALIASES
from ingestion_api.formats.parsed import ParsedBody

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"
# Splitting by the decoder makes an object per element; a hostile body may have millions.
_MAX_COMMAS_AN_ITEM = 20


class _StrictReading(Reading, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A reading in the contract's words alone: another name for a time must not be passed over."""


class _StrictEvent(Event, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """As `_StrictReading`."""


@dataclass(frozen=True)
class _Codec:
    """Decoders of one shape of item; each is built once, because building costs more than decoding."""

    item: msgspec.json.Decoder[Any]
    array: msgspec.json.Decoder[Any]
    under_name: msgspec.json.Decoder[Any]

    def decode_whole(self, body: bytes, name: bytes) -> list[Any]:
        """Decode a body of any of the three shapes; one item seldom bears the name's bytes."""
        if body[:1] == b"[":
            items: list[Any] = self.array.decode(body)
        elif name in body:
            items = self.under_name.decode(body).items
        else:
            items = [self.item.decode(body)]
        return items


def _codec(kind: Kind, item: type) -> _Codec:
    shape = msgspec.defstruct("UnderName", [("items", list[item])], rename={"items": kind})  # type: ignore[valid-type]
    array: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[item])  # type: ignore[valid-type]
    return _Codec(msgspec.json.Decoder(item), array, msgspec.json.Decoder(shape))


_strict: dict[Kind, _Codec] = {"readings": _codec("readings", _StrictReading), "events": _codec("events", _StrictEvent)}
_lenient: dict[Kind, _Codec] = {"readings": _codec("readings", Reading), "events": _codec("events", Event)}
_raw: dict[Kind, _Codec] = {"readings": _codec("readings", msgspec.Raw), "events": _codec("events", msgspec.Raw)}
_encoder = msgspec.json.Encoder()


def parse(kind: Kind, body: bytes, context: Context) -> ParsedBody:
    """Turn a body into columns.

    Args:
        kind: What the items are.
        body: The bytes as received.
        context: How many items it may hold, and what they are of that do not say.

    Raises:
        MalformedRequest: The body is not even brackets and items, or holds no item.
        TooLarge: It holds more items than allowed.
    """
    body = body.removeprefix(BYTE_ORDER_MARK).strip(BLANK)
    if body[:1] not in (b"[", b"{"):
        raise MalformedRequest("the body is neither a JSON array nor a JSON object")
    try:
        items = _decode_whole(kind, body)
    except CANNOT_DECODE:
        return parse_items(kind, _split(kind, body, context.max_items), context)
    check_count(len(items), context.max_items)
    return ParsedBody(
        columns=to_columns(kind, range(len(items)), items),
        unreadable=(),
        item_count=len(items),
        originals=partial(_originals, kind, body),
    )


def parse_items(kind: Kind, originals: Sequence[bytes], context: Context) -> ParsedBody:
    """Turn items, each alone, into columns; what cannot be read is refused and harms no other.

    Raises:
        MalformedRequest: There is none.
        TooLarge: Wide items hold more readings than allowed.
    """
    items: list[Item] = []
    alone: list[bytes] = []
    for original in originals:
        for item, bytes_alone in _read(kind, original, context):
            items.append(item)
            alone.append(bytes_alone)
        if len(items) > context.max_items:
            break
    check_count(len(items), context.max_items)
    return assemble(kind, items, fixed(alone))


def parse_alone(kind: Kind, original: bytes, context: Context) -> ParsedBody:
    """Read one of the originals that a parsed body gave; never fails."""
    return parse_items(kind, [original], context)


def decode_items(kind: Kind, body: bytes) -> list[Any] | None:
    """Decode an array whose items are all in the contract's words; None for any other."""
    try:
        items: list[Any] = _strict[kind].array.decode(body)
    except CANNOT_DECODE:
        return None
    return items


def write(columns: Columns, rows: Sequence[int]) -> bytes:
    """Write rows as a body in the contract's words, which reads back to the same rows."""
    names = [field.name for field in fields(columns) if field.name != "item_index"]
    return _encoder.encode(
        [{name: value for name in names if (value := getattr(columns, name)[row]) is not None} for row in rows]
    )


def _decode_whole(kind: Kind, body: bytes) -> list[Any]:
    """Decode a body of the contract's items; fields that nobody knows are passed over, known aliases are not."""
    name = b'"%b"' % kind.encode()
    try:
        return _strict[kind].decode_whole(body, name)
    except CANNOT_DECODE:
        if any(b'"%b"' % alias.encode() in body for alias in ALIASES[kind]):
            raise
    return _lenient[kind].decode_whole(body, name)


def _read(kind: Kind, original: bytes, context: Context) -> list[tuple[Item, bytes]]:
    try:
        return [(_strict[kind].item.decode(original), original)]
    except CANNOT_DECODE:
        return json_items.read(kind, original, context)


def _originals(kind: Kind, body: bytes) -> Sequence[bytes]:
    """Split a body that can be decoded whole, by the same decoder, so that the items are the same."""
    name = b'"%b"' % kind.encode()
    if body[:1] != b"[" and name not in body:
        return [body]
    return [bytes(raw).strip(BLANK) for raw in _raw[kind].decode_whole(body, name)]


def _split(kind: Kind, body: bytes, max_items: int) -> Sequence[bytes]:
    """Split by the decoder where the JSON is sound and small, else by brackets."""
    try:
        if body[:1] == b"[" and body.count(b",") <= _MAX_COMMAS_AN_ITEM * max_items:
            originals = _originals(kind, body)
        else:
            originals = split(body, kind.encode(), max_items)
    except CANNOT_DECODE:
        originals = split(body, kind.encode(), max_items)
    check_count(len(originals), max_items)
    return originals
