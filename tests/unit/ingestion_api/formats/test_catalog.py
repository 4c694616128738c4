"""Which format a body is read as."""

import pytest

from ingestion_api.errors import UnknownFormat
from ingestion_api.formats.catalog import MEDIA_TYPES, PARSERS, format_of


@pytest.mark.parametrize("content_type", ["", "application/json", "Application/JSON; charset=utf-8"])
def test_json_and_nothing_are_json(content_type: str) -> None:
    assert format_of(content_type) == "json"


def test_every_media_type_has_a_parser() -> None:
    assert {format_of(name) for name in MEDIA_TYPES} <= set(PARSERS)


@pytest.mark.parametrize("content_type", ["text/html", "application/x-www-form-urlencoded"])
def test_anything_else_is_named_in_the_refusal(content_type: str) -> None:
    with pytest.raises(UnknownFormat, match=content_type):
        format_of(content_type)
