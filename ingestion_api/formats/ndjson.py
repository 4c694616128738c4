"""NDJSON bodies: one JSON item a line, read as those of `json.py`. Empty lines are no items."""

from collections.abc import Sequence
from functools import partial

from ingestion_api.contract import Kind
from ingestion_api.formats import json
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import check_count, to_columns
from ingestion_api.formats.parsed import ParsedBody


def parse(kind: Kind, body: bytes, context: Context) -> ParsedBody:
    """Turn a body into columns.

    The lines are joined to one array, which the fast decoder takes; a line that is not one sound item would change how
    the others are split, so then each line is read alone.

    Raises:
        MalformedRequest: The body holds no item.
        TooLarge: It holds more items than allowed.
    """
    originals = _lines(body, context.max_items)
    check_count(len(originals), context.max_items)
    items = json.decode_items(kind, b"[%b]" % b",".join(originals))
    if items is None or len(items) != len(originals):
        return json.parse_items(kind, originals, context)
    return ParsedBody(
        columns=to_columns(kind, range(len(items)), items),
        unreadable=(),
        item_count=len(items),
        originals=partial(tuple, originals),
    )


def _lines(body: bytes, max_items: int) -> Sequence[bytes]:
    """Return the lines that hold something, and stop where there are too many."""
    body = body.removeprefix(json.BYTE_ORDER_MARK)
    lines: list[bytes] = []
    start = 0
    while start < len(body) and len(lines) <= max_items:
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        if line := body[start:end].strip(json.BLANK):
            lines.append(line)
        start = end + 1
    return lines
