"""Reads one JSON item that is not in the contract's own words: other names, defaults, wide bodies, broken ones.

The contract's items never come here; they are decoded by the batch in `json.py`.
"""

import json
import re
from typing import Any

import msgspec

from ingestion_api.contract import Event, Kind, Reading
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import Item, Unreadable, explain, sentence
from ingestion_api.formats.names import ALIASES, WIDE

# ValueError: invalid UTF-8, and integers of more digits than Python converts.
CANNOT_DECODE = (msgspec.DecodeError, ValueError, RecursionError)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

_Fields = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(_Fields)
_shapes: dict[Kind, msgspec.json.Decoder[Any]] = {
    "readings": msgspec.json.Decoder(Reading),
    "events": msgspec.json.Decoder(Event),
}
_NULL = b"null"


class _NotFinite(ValueError):
    """A literal that JSON does not have."""


def read(kind: Kind, original: bytes, context: Context) -> list[tuple[Item, bytes]]:
    """Read one object: the item it holds, or each reading of a wide one, with the bytes that hold that item alone."""
    try:
        fields = _fields.decode(original)
    except CANNOT_DECODE:
        return [(_decode(kind, original), original)]
    named = _renamed(kind, fields)
    if isinstance(named, Unreadable):
        return [(named, original)]
    wide = [name for name in fields if name.lower() in WIDE] if kind == "readings" and "metric" not in fields else []
    if wide:
        return _read_wide(fields, named, wide, original, context)
    _fill(kind, named, context)
    return [(_decode(kind, msgspec.json.encode(named)), original)]


def _renamed(kind: Kind, fields: _Fields) -> _Fields | Unreadable:
    """Give the fields the contract's names."""
    named: _Fields = {}
    aliases = ALIASES[kind]
    for name, value in fields.items():
        canonical = aliases.get(name, name)
        if canonical in named:
            return Unreadable("malformed_item", f"{canonical} is given twice, under different names")
        named[canonical] = value
    return named


def _fill(kind: Kind, named: _Fields, context: Context) -> None:
    """Add what the item leaves to its surroundings."""
    name, code = (
        ("equipment_code", context.equipment_code) if kind == "readings" else ("source_code", context.source_code)
    )
    if code and name not in named:
        named[name] = msgspec.Raw(msgspec.json.encode(code))


def _read_wide(
    fields: _Fields, named: _Fields, wide: list[str], original: bytes, context: Context
) -> list[tuple[Item, bytes]]:
    """Make a reading of every value that is not null (S2-005..014)."""
    shared = {name: named[name] for name in ("equipment_code", "event_time", "quality") if name in named}
    found: list[tuple[Item, bytes]] = []
    for name in wide:
        if bytes(fields[name]).strip() == _NULL:
            continue
        alone: _Fields = {**shared, name: fields[name]}
        metric, unit_code = WIDE[name.lower()]
        reading: dict[str, Any] = {**shared, "metric": metric, "unit_code": unit_code, "value": fields[name]}
        _fill("readings", reading, context)
        reading.setdefault("equipment_code", "")
        found.append((_decode("readings", msgspec.json.encode(reading)), msgspec.json.encode(alone)))
    return found or [(Unreadable("malformed_item", "every value is null"), original)]


def _decode(kind: Kind, original: bytes) -> Item:
    try:
        item: Item = _shapes[kind].decode(original)
    except CANNOT_DECODE as error:
        return _diagnose(original, error)
    return item


def _diagnose(item: bytes, error: Exception) -> Unreadable:
    """Find the reason behind a failed decoding, by reading the item more leniently than it will ever be accepted."""
    if isinstance(error, RecursionError):
        return Unreadable("malformed_item", "the item is nested too deeply")
    said = str(error)
    if isinstance(error, msgspec.ValidationError):
        return explain(said)
    try:
        content = json.loads(item.decode("utf-8", "surrogateescape"), parse_constant=_refuse_constant)
        texts = json.dumps(content, ensure_ascii=False)
    except _NotFinite as literal:
        return Unreadable("value_not_finite", f"{literal} is no number JSON or a store can hold")
    except (ValueError, RecursionError):
        return Unreadable("malformed_item", sentence(said))
    if _LONE_SURROGATE.search(texts):
        return Unreadable("text_not_storable", "a text is not valid UTF-8, or holds half of a surrogate pair")
    return Unreadable("malformed_item", sentence(said))


def _refuse_constant(literal: str) -> object:
    raise _NotFinite(literal)
