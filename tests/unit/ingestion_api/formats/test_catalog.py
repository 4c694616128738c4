"""Which format a body is read as."""

import pytest

from ingestion_api.errors import UnknownFormat
from ingestion_api.formats.catalog import PARSERS, format_of


@pytest.mark.parametrize("content_type", ["", "application/json", "Application/JSON; charset=utf-8"])
@pytest.mark.parametrize("encoding", ["", "identity"])
def test_json_and_nothing_are_json(content_type: str, encoding: str) -> None:
    assert format_of(content_type, encoding) == "json"
    assert format_of(content_type, encoding) in PARSERS


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [("text/csv", ""), ("application/x-www-form-urlencoded", ""), ("application/json", "gzip"), ("", "zstd")],
)
def test_anything_else_is_named_in_the_refusal(content_type: str, encoding: str) -> None:
    with pytest.raises(UnknownFormat, match=encoding or content_type):
        format_of(content_type, encoding)
