"""SenML bodies (RFC 8428, JSON): every record with a value is a reading.

Base fields carry over to the records that follow. A name is split at its last `/` or `:` into equipment and metric;
one that has neither is a metric of the batch's equipment. A time of 0 is now; one below 2^28 counts from now.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ingestion_api.contract import Kind, Reading
from ingestion_api.errors import MalformedRequest, UnknownFormat
from ingestion_api.formats import json
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import Item, Unreadable, assemble, check_count, explain
from ingestion_api.formats.json_items import CANNOT_DECODE
from ingestion_api.formats.json_splitter import split
from ingestion_api.formats.parsed import ParsedBody

_RELATIVE_BELOW = 2**28
_VERSION = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# SenML's registry names some units otherwise than UCUM.
_UCUM: Mapping[str, str] = {"%RH": "%", "/": "1", "1/min": "/min", "beat/min": "/min", "count": "1", "EL": "%"}


class _Base(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What records leave to those before them."""

    bn: str = ""
    bt: float = 0.0
    bu: str = ""
    bv: float = 0.0
    bs: float = 0.0
    bver: int = _VERSION


class _Record(Struct, frozen=True, kw_only=True):
    """One record as sent; a base field that is absent stays what it was."""

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: int | None = None
    n: str = ""
    t: float = 0.0
    u: str | None = None
    v: float | None = None
    s: float | None = None
    vb: Any = None
    vs: Any = None
    vd: Any = None

    def is_base_only(self) -> bool:
        """Tell whether the record says something only of those that follow."""
        return not self.n and all(getattr(self, name) is None for name in ("v", "s", "vb", "vs", "vd"))


_records = msgspec.json.Decoder(_Record)


def parse(kind: Kind, body: bytes, context: Context) -> ParsedBody:
    """Turn records into columns.

    Raises:
        UnknownFormat: Events were asked for.
        MalformedRequest: The body is no JSON array, or has no record with a value.
        TooLarge: It has more than allowed.
    """
    if kind != "readings":
        raise UnknownFormat("SenML holds readings, not events")
    body = body.removeprefix(json.BYTE_ORDER_MARK).strip(json.BLANK)
    if body[:1] != b"[":
        raise MalformedRequest("a SenML body is a JSON array of records")
    base = _Base()
    items: list[Item] = []
    sources: list[tuple[_Base, bytes]] = []
    has_relative_times = False
    for original in split(body, b"", 2 * context.max_items):
        before = base
        try:
            record = _records.decode(original)
        except CANNOT_DECODE as error:
            items.append(explain(str(error)))
            sources.append((before, original))
            continue
        base = _following(base, record)
        if record.is_base_only():
            continue
        time = base.bt + record.t
        has_relative_times |= time < _RELATIVE_BELOW and time != 0
        items.append(_reading(base, record, time, context))
        sources.append((before, original))
    check_count(len(items), context.max_items)
    return assemble(kind, items, lambda: _originals(sources), has_relative_times=has_relative_times)


def _following(base: _Base, record: _Record) -> _Base:
    given = {name: value for name in _Base.__struct_fields__ if (value := getattr(record, name)) is not None}
    return msgspec.structs.replace(base, **given) if given else base


def _originals(sources: Sequence[tuple[_Base, bytes]]) -> list[bytes]:
    """Put the base fields that held before a record in front of it, so that it can be read alone."""
    return [
        b"[%b]" % record if base == _Base() else b"[%b,%b]" % (msgspec.json.encode(base), record)
        for base, record in sources
    ]


def _reading(base: _Base, record: _Record, time: float, context: Context) -> Item:
    if base.bver > _VERSION:
        return Unreadable("malformed_item", f"SenML version {base.bver} is not read; at most {_VERSION}")
    if record.v is None:
        return _without_value(record)
    event_time = _time(time, context)
    if isinstance(event_time, Unreadable):
        return event_time
    name = base.bn + record.n
    cut = max(name.rfind("/"), name.rfind(":"))
    unit = base.bu if record.u is None else record.u
    return Reading(
        equipment_code=context.equipment_code if cut < 0 else name[:cut],
        metric=name[cut + 1 :],
        value=base.bv + record.v,
        event_time=event_time,
        unit_code=_UCUM.get(unit, unit) or None,
    )


def _without_value(record: _Record) -> Unreadable:
    kinds = {"vs": "a text", "vb": "a boolean", "vd": "data"}
    for name, what in kinds.items():
        if getattr(record, name) is not None:
            return Unreadable("malformed_item", f"the value is {what} ({name}); readings are numbers (v)")
    if record.s is not None:
        return Unreadable("malformed_item", "the record has a sum (s) and no value (v)")
    return Unreadable("malformed_item", "the record has no value (v)")


def _time(time: float, context: Context) -> datetime | Unreadable | None:
    if time == 0:
        return None
    try:
        if not math.isfinite(time):
            raise OverflowError
        if time >= _RELATIVE_BELOW:
            return _EPOCH + timedelta(seconds=time)
        return None if context.received_at is None else context.received_at + timedelta(seconds=time)
    except OverflowError:
        return Unreadable("event_time_out_of_range", "the time is in no year from 1 to 9999")
