"""Which body formats there are, by name in the inbox and by media type. How one is read is told in its own module."""

from collections.abc import Callable, Mapping

from ingestion_api.contract import Kind
from ingestion_api.errors import UnknownFormat
from ingestion_api.formats import json
from ingestion_api.formats.context import Context
from ingestion_api.formats.parsed import ParsedBody

Parse = Callable[[Kind, bytes, Context], ParsedBody]

# Names are stored with every batch: they are never renamed.
PARSERS: Mapping[str, Parse] = {"json": json.parse}

_BY_MEDIA_TYPE: Mapping[str, str] = {"": "json", "application/json": "json"}


def format_of(content_type: str, content_encoding: str) -> str:
    """Name the format of a body from its headers; no content type means JSON.

    Raises:
        UnknownFormat: Nothing here reads that media type or that encoding.
    """
    if content_encoding.strip().lower() not in ("", "identity"):
        raise UnknownFormat(f"Content-Encoding {content_encoding[:50]!r} is not read; send the body as it is")
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        return _BY_MEDIA_TYPE[media_type]
    except KeyError:
        raise UnknownFormat(f"Content-Type {media_type[:50]!r} is not read; send application/json") from None
