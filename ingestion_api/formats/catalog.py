"""Which body formats there are, by name in the inbox and by media type. How one is read is told in its own module."""

from collections.abc import Callable, Mapping
from datetime import datetime

from ingestion_api.contract import Kind
from ingestion_api.errors import IngestionError, UnknownFormat
from ingestion_api.formats import arrow, csv, json, line, ndjson, senml
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import SHAPES, Item, Unreadable, sentence
from ingestion_api.formats.parsed import ParsedBody

Parse = Callable[[Kind, bytes, Context], ParsedBody]

# Names are stored with every batch: they are never renamed.
PARSERS: Mapping[str, Parse] = {
    "json": json.parse,
    "ndjson": ndjson.parse,
    "senml": senml.parse,
    "csv": csv.parse,
    "arrow": arrow.parse,
    **line.PARSERS,
}
# Formats whose items, alone, are not bodies.
_ALONE: Mapping[str, Parse] = {"json": json.parse_alone, "ndjson": json.parse_alone}

MEDIA_TYPES: Mapping[str, str] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/jsonlines": "ndjson",
    "application/senml+json": "senml",
    "text/csv": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
}


def format_of(content_type: str) -> str:
    """Name the format of a body from its header; no content type means JSON.

    Raises:
        UnknownFormat: Nothing here reads that media type.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type:
        return "json"
    try:
        return MEDIA_TYPES[media_type]
    except KeyError:
        known = ", ".join(MEDIA_TYPES)
        raise UnknownFormat(f"Content-Type {media_type[:50]!r} is not read; send one of {known}") from None


def read_alone(
    body_format: str, kind: Kind, original: bytes, context: Context, default_time: datetime | None = None
) -> Item:
    """Read one of the originals that a body of the format gave; an item without a time gets the default one."""
    parse = _ALONE.get(body_format, PARSERS[body_format])
    try:
        parsed = parse(kind, original, context)
    except IngestionError as error:
        return Unreadable("malformed_item", sentence(str(error)))
    if parsed.item_count != 1:
        return Unreadable("malformed_item", f"the item reads as {parsed.item_count} items")
    if parsed.unreadable:
        return Unreadable(parsed.unreadable[0].reason_code, parsed.unreadable[0].detail)
    fields = {name: getattr(parsed.columns, name)[0] for name in SHAPES[kind].__struct_fields__}
    return SHAPES[kind](**{**fields, "event_time": fields["event_time"] or default_time})
