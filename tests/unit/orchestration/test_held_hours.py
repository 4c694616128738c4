"""What a run says of held hours on the page of `ops/holds`."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.held_hours import HOLDS, SHOWN, observed
from warehouse.ledger import Held

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
NORTH = Held("north_1", "invalid_rate_is_low", 1, NINE, NINE)
SOUTH = Held("south", "values_are_present", 3, NINE, NINE + timedelta(hours=4))


def told(before: list[Held], after: list[Held], **about: str) -> dict[str, object]:
    (event,) = observed(before, after, **about)
    assert event.asset_key == HOLDS
    return {name: value.value for name, value in event.metadata.items()}


def test_where_nothing_was_or_is_held_there_is_nothing_to_tell() -> None:
    assert observed([], []) == []


def test_held_hours_are_counted_by_site_and_expectation() -> None:
    found = told([], [NORTH, SOUTH])
    assert (found["held_hours_before"], found["held_hours"]) == (0, 4)
    assert str(found["held"]).splitlines() == [
        "site | held back by | hours | first (UTC) | last (UTC)",
        "--- | --- | --- | --- | ---",
        r"south | values\_are\_present | 3 | 2026-03-02 09:00 | 2026-03-02 13:00",
        r"north\_1 | invalid\_rate\_is\_low | 1 | 2026-03-02 09:00 | 2026-03-02 09:00",
    ]
    assert found["each_hold"] == dg.AssetKey(["marts", "fct_quality_holds"])


def test_the_end_of_the_last_hold_is_told() -> None:
    found = told([SOUTH], [], released_by="Ada", reason="test *rig*")
    assert (found["held_hours_before"], found["held_hours"], found["held"]) == (3, 0, "nothing")
    assert (found["released_by"], found["reason"]) == ("Ada", r"test \*rig\*")


def test_an_event_stays_small_however_much_is_held() -> None:
    lines = [Held(f"site-{number}", "values_are_present", number, NINE, NINE) for number in range(1, 3_001)]
    found = told([], lines, reason="x" * 100_000)
    table = str(found["held"]).splitlines()
    assert table[2].startswith("site-3000 | ")
    assert table[-1] == f"and {3_000 - SHOWN} more lines"
    assert found["held_hours"] == 3_000 * 3_001 // 2
    assert len(str(found)) < 10_000
