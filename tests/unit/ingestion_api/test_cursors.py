"""Where a page ended: opaque to clients, and never trusted."""

from datetime import UTC, date, datetime

import pytest

from ingestion_api import cursors
from ingestion_api.errors import MalformedRequest


def test_cursors_come_back_as_they_were() -> None:
    keys: list[cursors.Key] = [datetime(2026, 2, 6, 10, 30, 0, 250_000, tzinfo=UTC), "pump-1", 7]
    assert cursors.decode(cursors.encode(keys), [datetime, str, int]) == keys
    assert cursors.decode(cursors.encode([date(2026, 2, 6)]), [date]) == [date(2026, 2, 6)]


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "é", "bm90IGpzb24", "a" * 2_000, cursors.encode(["yesterday"]), cursors.encode([1]), cursors.encode([])],
)
def test_what_is_no_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(MalformedRequest):
        cursors.decode(cursor, [date])


def test_no_text_and_no_time_that_the_database_would_choke_on() -> None:
    for key, kind in (("a\0b", str), ("2026-02-06T10:30:00", datetime), (2**40, int)):
        with pytest.raises(MalformedRequest):
            cursors.decode(cursors.encode([key]), [kind])
