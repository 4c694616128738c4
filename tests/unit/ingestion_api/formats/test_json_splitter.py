"""Splitting by brackets, commas and strings alone."""

import pytest

from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.json_splitter import split


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b"[1]", [b"1"]),
        (b"[]", []),
        (b"[ ]", []),
        (b"[1,]", [b"1", b""]),
        (b"[,]", [b"", b""]),
        (b'[ {"a":[1,2]} ,"x,y", NaN ]', [b'{"a":[1,2]}', b'"x,y"', b"NaN"]),
        (b'[{"a":1]}]', None),
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"items":[1,2],"b":{}}', [b"1", b"2"]),
        (b'{"b":{"items":[3]},"items":[1,2]}', [b"1", b"2"]),
        (b'{"items":[1],"items":[2]}', [b"2"]),
        (b'{"items":7}', [b'{"items":7}']),
        (b'{"a":"items"}', [b'{"a":"items"}']),
    ],
)
def test_items_are_found(body: bytes, items: list[bytes] | None) -> None:
    if items is None:
        with pytest.raises(MalformedRequest):
            split(body, b"items", 10)
    else:
        assert split(body, b"items", 10) == items


def test_wrong_kind_of_bracket_stays_inside_its_item() -> None:
    assert split(b'[{"a":1],{"b":2}]', b"items", 10) == [b'{"a":1]', b'{"b":2}']


def test_splitting_stops_at_the_limit() -> None:
    assert len(split(b"[1,2,3]", b"items", 3)) == 3
    with pytest.raises(TooLarge):
        split(b"[1,2,3", b"items", 2)
