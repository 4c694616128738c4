"""InfluxDB line protocol: every field is a reading. Which requests it comes in is told in `routes/influx.py`.

`measurement,tag=value field=value,field=value time`. The equipment is the tag `equipment_code`, else `equipment`, else
`host`, else the batch's. The metric is the measurement for a field named `value`, else `measurement_field`; the other
tags tell series apart, so they stay with the metric: `cpu_usage_idle{cpu=cpu0}`. The tag `unit_code` is the unit.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

from ingestion_api.contract import Kind, Reading
from ingestion_api.errors import UnknownFormat
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import Item, Unreadable, assemble, check_count, fixed
from ingestion_api.formats.parsed import ParsedBody

# Nanoseconds of one step of the clock.
NANOSECONDS: Mapping[str, int] = {
    "line_ns": 1,
    "line_us": 1_000,
    "line_ms": 1_000_000,
    "line_s": 1_000_000_000,
    "line_min": 60_000_000_000,
    "line_h": 3_600_000_000_000,
}
EQUIPMENT_TAGS = ("equipment_code", "equipment", "host")
_UNIT_TAG = "unit_code"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A quoted text may hold line breaks. It is bounded as InfluxDB bounds it, so that a quote left open costs little.
_TEXT = rb'"(?:[^"\\]|\\.){0,65536}+"'
_LINE = re.compile(
    rb"(?P<head>(?:[^ \\\n]++|\\[^\n])++)[ ]++"
    rb'(?P<fields>(?:[^ "\\\n]++|%b|\\[^\n])++)'
    rb"(?:[ ]+(?P<time>-?[0-9]{1,20}))?[ \t]*\r?(?:\n|\Z)" % _TEXT,
    re.DOTALL,
)
_FIELD = re.compile(rb'((?:[^,=\\]++|\\[^\n])++)=(%b|[^,"]*+)(?:,|\Z)' % _TEXT, re.DOTALL)
_TAG = re.compile(rb"((?:[^,=\\]++|\\[^\n])++)=((?:[^,=\\]++|\\[^\n])++)(?:,|\Z)")
_MEASUREMENT = re.compile(rb"((?:[^,\\]++|\\[^\n])++)(?:,|\Z)")
_ESCAPE = re.compile(r"\\([,= \\])")
_FLOAT = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(rb"(-?[0-9]{1,20})i|([0-9]{1,20})u")
_NOT_FINITE = frozenset({b"nan", b"inf", b"+inf", b"-inf", b"infinity", b"+infinity", b"-infinity"})
_BOOLEANS = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), 1.0),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), 0.0),
}


# Lines repeat their measurement and tags; each is read once a body.
_Heads = dict[bytes, "_Series | Unreadable"]


class _Wrong(ValueError):
    """Something of a line cannot be read."""


def parse(format_name: str, kind: Kind, body: bytes, context: Context) -> ParsedBody:
    """Turn lines into columns.

    Raises:
        UnknownFormat: Events were asked for; line protocol holds readings.
        MalformedRequest: There is no line.
        TooLarge: There are more fields than allowed.
    """
    if kind != "readings":
        raise UnknownFormat("line protocol holds readings, not events")
    body = body.removeprefix(_BYTE_ORDER_MARK)
    items: list[Item] = []
    originals: list[bytes] = []
    heads: _Heads = {}
    position = 0
    while position < len(body) and len(items) <= context.max_items:
        position = _read_line(body, position, NANOSECONDS[format_name], context, items, originals, heads)
    check_count(len(items), context.max_items)
    return assemble(kind, items, fixed(originals))


PARSERS: Mapping[str, Callable[[Kind, bytes, Context], ParsedBody]] = {
    name: partial(parse, name) for name in NANOSECONDS
}


def chunks(body: bytes, max_items: int) -> list[bytes]:
    """Cut a body between lines, so that no part holds more items than one batch may, unless one line alone does."""
    parts: list[bytes] = []
    start = position = fields = 0
    while position < len(body):
        end = body.find(b"\n", position)
        end = len(body) if end < 0 else end + 1
        line_fields = body.count(b",", position, end) + 1  # no fewer than there are
        # A line break inside a text is no end of a line.
        is_whole = body.count(b'"', position, end) % 2 == 0
        if fields and is_whole and fields + line_fields > max_items:
            parts.append(body[start:position])
            start, fields = position, 0
        fields += line_fields
        position = end
    parts.append(body[start:])
    return parts


def _read_line(
    body: bytes, start: int, step_ns: int, context: Context, items: list[Item], originals: list[bytes], heads: _Heads
) -> int:
    """Read the line at `start`, and return where the next one begins."""
    end = body.find(b"\n", start)
    end = len(body) if end < 0 else end
    first = body[start:end].strip(b" \t\r")
    if not first or first.startswith(b"#"):
        return end + 1
    while body[start : start + 1] in (b" ", b"\t"):
        start += 1
    line = _LINE.match(body, start)
    if line is None:
        items.append(Unreadable("malformed_item", "the line is not measurement[,tags] fields [time]"))
        originals.append(first)
        return end + 1
    fields = list(_FIELD.finditer(line["fields"]))
    if not fields or fields[-1].end() != len(line["fields"]) or not _is_gapless(fields):
        items.append(Unreadable("malformed_item", "the fields are not name=value, parted by commas"))
        originals.append(line.group().strip(b" \t\r\n"))
        return line.end()
    head = line["head"]
    series = heads.get(head) or heads.setdefault(head, _series(head, context))
    items += [series] * len(fields) if isinstance(series, Unreadable) else _readings(line, fields, step_ns, series)
    tail = b"" if line["time"] is None else b" " + line["time"]
    originals += [b"%b %b=%b%b" % (head, field[1], field[2], tail) for field in fields]
    return line.end()


@dataclass(frozen=True)
class _Series:
    """What measurement and tags say of every field behind them; `suffix` tells metrics of one name apart."""

    measurement: str
    equipment_code: str
    suffix: str
    unit_code: str | None


def _readings(line: re.Match[bytes], fields: list[re.Match[bytes]], step_ns: int, series: _Series) -> list[Item]:
    """Make a reading of every field; what is wrong with the line's time is wrong with all of them."""
    try:
        event_time = None if line["time"] is None else _time(int(line["time"]) * step_ns)
    except OverflowError:
        return [Unreadable("event_time_out_of_range", "the time is in no year from 1 to 9999")] * len(fields)
    found: list[Item] = []
    for field in fields:
        value = _value(field[2])
        try:
            name = _text(field[1])
        except UnicodeDecodeError:
            value = Unreadable("text_not_storable", "a field's name is not valid UTF-8")
        if isinstance(value, Unreadable):
            found.append(value)
            continue
        metric = series.measurement if name == "value" else f"{series.measurement}_{name}"
        found.append(
            Reading(
                equipment_code=series.equipment_code,
                metric=metric + series.suffix,
                value=value,
                event_time=event_time,
                unit_code=series.unit_code,
            )
        )
    return found


def _is_gapless(fields: list[re.Match[bytes]]) -> bool:
    return fields[0].start() == 0 and all(before.end() == behind.start() for before, behind in pairwise(fields))


def _series(head: bytes, context: Context) -> _Series | Unreadable:
    try:
        measurement, tags = _head(head)
    except UnicodeDecodeError:
        return Unreadable("text_not_storable", "a name or tag is not valid UTF-8")
    except _Wrong as wrong:
        return Unreadable("malformed_item", str(wrong))
    equipment_code = next((tags[tag] for tag in EQUIPMENT_TAGS if tag in tags), context.equipment_code)
    others = ",".join(f"{tag}={tags[tag]}" for tag in sorted(tags) if tag not in (*EQUIPMENT_TAGS, _UNIT_TAG))
    return _Series(measurement, equipment_code, f"{{{others}}}" if others else "", tags.get(_UNIT_TAG))


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    measurement = _MEASUREMENT.match(head)
    if measurement is None:
        raise _Wrong("the measurement is missing")
    tags: dict[str, str] = {}
    position = measurement.end()
    if head[position - 1 : position] == b"," and position == len(head):
        raise _Wrong("a comma ends the tags")
    while position < len(head):
        tag = _TAG.match(head, position)
        if tag is None:
            raise _Wrong("the tags are not name=value, parted by commas")
        tags[_text(tag[1])] = _text(tag[2])
        position = tag.end()
    return _text(measurement[1]), tags


def _text(raw: bytes) -> str:
    text = raw.decode()
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def _value(raw: bytes) -> float | Unreadable:
    if _FLOAT.fullmatch(raw):
        value = float(raw)
        if math.isfinite(value):
            return value
        return Unreadable("value_not_finite", "the value is larger than any number a store can hold")
    if raw in _BOOLEANS:
        return _BOOLEANS[raw]
    if integer := _INTEGER.fullmatch(raw):
        return float(int(integer[1] or integer[2]))
    if raw[:1] == b'"':
        return Unreadable("malformed_item", "the value is a text; readings are numbers")
    if raw.lower() in _NOT_FINITE:
        return Unreadable("value_not_finite", "the value is no number a store can hold")
    return Unreadable("malformed_item", "the value is neither a number nor a boolean")
