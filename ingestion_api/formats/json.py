"""JSON bodies: one item, an array, or an array under the kind's name. Whether items are believed is not decided here.

A body is decoded whole and typed. Where that fails it is split into items without looking inside them, and each is
decoded alone, so that what is wrong with one stays with that one.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from ingestion_api.columns import Columns, of_events, of_readings
from ingestion_api.contract import Event, Kind, Reading, ReasonCode, Refusal
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.context import Context
from ingestion_api.formats.json_splitter import split
from ingestion_api.formats.parsed import ParsedBody

T = TypeVar("T", Reading, Event)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
# ValueError: invalid UTF-8, and integers of more digits than Python converts.
_CANNOT_DECODE = (msgspec.DecodeError, ValueError, RecursionError)
_MAX_SENTENCE = 200
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class _NotFinite(ValueError):
    """A literal that JSON does not have."""


@dataclass(frozen=True)
class _Codec(Generic[T]):
    """The decoders of one kind; each is built once, because building costs more than decoding."""

    name: bytes
    item: msgspec.json.Decoder[T]
    array: msgspec.json.Decoder[list[T]]
    under_name: msgspec.json.Decoder[Any]
    raw_under_name: msgspec.json.Decoder[Any]
    to_columns: Callable[[Sequence[int], Sequence[T]], Columns]

    def has_name(self, body: bytes) -> bool:
        """Tell whether an object may hold an array under the kind's name; one item seldom bears those bytes."""
        return b'"%b"' % self.name in body

    def decode_whole(self, body: bytes) -> list[T]:
        if body[:1] == b"[":
            return self.array.decode(body)
        if self.has_name(body):
            items: list[T] = self.under_name.decode(body).items
            return items
        return [self.item.decode(body)]

    def originals(self, body: bytes) -> Sequence[bytes]:
        """Split a body that `decode_whole` took, by the same decoder, so that the items are the same."""
        if body[:1] == b"[":
            raws = _raw_array.decode(body)
        elif self.has_name(body):
            raws = self.raw_under_name.decode(body).items
        else:
            return [body]
        return [bytes(raw).strip(_BLANK) for raw in raws]


def _under_name(name: str, item: type) -> msgspec.json.Decoder[Any]:
    shape = msgspec.defstruct("UnderName", [("items", list[item])], rename={"items": name})  # type: ignore[valid-type]
    return msgspec.json.Decoder(shape)


def _codec(name: str, item: type[T], to_columns: Callable[[Sequence[int], Sequence[T]], Columns]) -> _Codec[T]:
    return _Codec(
        name=name.encode(),
        item=msgspec.json.Decoder(item),
        array=msgspec.json.Decoder(list[item]),  # type: ignore[valid-type]
        under_name=_under_name(name, item),
        raw_under_name=_under_name(name, msgspec.Raw),
        to_columns=to_columns,
    )


_raw_array = msgspec.json.Decoder(list[msgspec.Raw])
_codecs: dict[Kind, _Codec[Any]] = {
    "readings": _codec("readings", Reading, of_readings),
    "events": _codec("events", Event, of_events),
}


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
    codec = _codecs[kind]
    max_items = context.max_items
    body = body.removeprefix(_BYTE_ORDER_MARK).strip(_BLANK)
    if body[:1] not in (b"[", b"{"):
        raise MalformedRequest("the body is neither a JSON array nor a JSON object")
    try:
        items = codec.decode_whole(body)
    except _CANNOT_DECODE:
        originals = split(body, codec.name, max_items)
        _check_count(len(originals), max_items)
        return parse_items(kind, originals)
    _check_count(len(items), max_items)
    return ParsedBody(
        columns=codec.to_columns(range(len(items)), items),
        unreadable=(),
        item_count=len(items),
        originals=partial(codec.originals, body),
    )


def parse_items(kind: Kind, originals: Sequence[bytes]) -> ParsedBody:
    """Turn items, each alone, into columns; what cannot be read is refused and harms no other."""
    codec = _codecs[kind]
    items: list[Any] = []
    positions: list[int] = []
    unreadable: list[Refusal] = []
    for index, original in enumerate(originals):
        try:
            items.append(codec.item.decode(original))
        except _CANNOT_DECODE as error:
            reason_code, detail = _diagnose(original, error)
            unreadable.append(Refusal(index=index, reason_code=reason_code, detail=detail))
        else:
            positions.append(index)
    return ParsedBody(
        columns=codec.to_columns(positions, items),
        unreadable=unreadable,
        item_count=len(originals),
        originals=lambda: originals,
    )


def with_time(kind: Kind, original: bytes, event_time: datetime) -> bytes:
    """Give a readable item that has no time this one; return any other item as it is."""
    try:
        item = _codecs[kind].item.decode(original)
    except _CANNOT_DECODE:
        return original
    if item.event_time is not None:
        return original
    return msgspec.json.encode(msgspec.structs.replace(item, event_time=event_time))


def _check_count(count: int, max_items: int) -> None:
    if count == 0:
        raise MalformedRequest("the body holds no item")
    if count > max_items:
        raise TooLarge(f"the batch holds {count} items; at most {max_items} are taken at once")


def _diagnose(item: bytes, error: Exception) -> tuple[ReasonCode, str]:
    """Find the reason behind a failed decoding, by reading the item more leniently than it will ever be accepted."""
    if isinstance(error, RecursionError):
        return "malformed_item", "the item is nested too deeply"
    said = str(error)
    if isinstance(error, msgspec.ValidationError):
        if "out of range" in said:
            return "value_not_finite", _sentence(f"{said}: no number a store can hold")
        if "timezone component" in said:
            return "malformed_item", "event_time needs an offset, such as 2026-02-06T10:30:00Z"
        return "malformed_item", _sentence(said)
    try:
        content = json.loads(item.decode("utf-8", "surrogateescape"), parse_constant=_refuse_constant)
        texts = json.dumps(content, ensure_ascii=False)
    except _NotFinite as literal:
        return "value_not_finite", f"{literal} is no number JSON or a store can hold"
    except (ValueError, RecursionError):
        return "malformed_item", _sentence(said)
    if _LONE_SURROGATE.search(texts):
        return "text_not_storable", "a text is not valid UTF-8, or holds half of a surrogate pair"
    return "malformed_item", _sentence(said)


def _refuse_constant(literal: str) -> object:
    raise _NotFinite(literal)


def _sentence(said: str) -> str:
    """Make a message fit to be stored: decoders quote what they were given."""
    return said.replace("\x00", "�").encode("utf-8", "replace").decode()[:_MAX_SENTENCE]
