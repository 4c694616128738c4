"""Waits that are measured from one look to the next."""

from datetime import UTC, datetime, timedelta

from orchestration.lag import Looks, late, longest_s
from orchestration.pending import SiteState
from warehouse.ledger import Backlog

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def loads(looks: Looks, stored: int, loaded: int, minute: float) -> dict[str, float]:
    return looks.loads(SiteState("demo", {"readings": stored}, {"readings": loaded}), NOON + minute * MINUTE)


def test_a_load_that_stands_still_waits_longer_with_each_look() -> None:
    looks = Looks()
    loads(looks, 10, 3, 0)
    looks = Looks.read(looks.cursor())
    # More comes in; what waits longest is what was there first.
    numbers = loads(looks, 20, 9, 5)
    assert numbers == {"silent_s": 0, "readings_behind": 11, "readings_waiting_s": 300}


def test_a_load_that_keeps_up_never_waits_for_long_though_it_is_always_behind() -> None:
    looks = Looks()
    waits = [loads(looks, minute + 5, minute, minute)["readings_waiting_s"] for minute in range(60)]
    assert max(waits) == 240


def test_nothing_waits_where_all_is_loaded_or_an_older_backup_was_restored() -> None:
    looks = Looks()
    loads(looks, 10, 3, 0)
    assert loads(looks, 10, 10, 5) == {"silent_s": 0, "readings_behind": 0, "readings_waiting_s": 0}
    assert loads(looks, 4, 10, 6) == {"silent_s": 0, "readings_behind": 0, "readings_waiting_s": 0}
    assert loads(looks, 12, 10, 7)["readings_waiting_s"] == 0


def test_behind_a_silent_api_what_was_seen_still_waits() -> None:
    looks = Looks()
    loads(looks, 10, 3, 0)
    silent = SiteState("demo", {}, {"readings": 3}, error="timed out")
    looks.loads(silent, NOON + 5 * MINUTE)
    numbers = looks.loads(silent, NOON + 9 * MINUTE)
    assert numbers == {"silent_s": 240, "readings_behind": 7, "readings_waiting_s": 540}
    assert loads(looks, 10, 10, 10)["silent_s"] == 0


def rollups(looks: Looks, minute: float, *backlogs: Backlog) -> dict[str, dict[str, float]]:
    return looks.rollups(["demo", "pune"], "rolled_up", backlogs, NOON + minute * MINUTE)


def test_an_hour_waits_since_it_was_touched() -> None:
    numbers = rollups(Looks(), 90, Backlog("pune", 3, NOON))
    assert numbers == {
        "demo": {"rolled_up_hours": 0, "rolled_up_waiting_s": 0},
        "pune": {"rolled_up_hours": 3, "rolled_up_waiting_s": 5_400},
    }


def test_old_hours_that_are_reopened_do_not_wait_since_their_load() -> None:
    """A promotion scores history anew: its hours were touched months ago, and wait since this minute."""
    looks = Looks()
    rollups(looks, 0)
    looks = Looks.read(looks.cursor())
    months_ago = NOON - timedelta(days=90)
    assert rollups(looks, 5, Backlog("demo", 2_000, months_ago))["demo"]["rolled_up_waiting_s"] == 300
    assert rollups(looks, 9, Backlog("demo", 1_000, months_ago))["demo"]["rolled_up_waiting_s"] == 540


def test_consumers_and_sites_are_idle_by_themselves() -> None:
    looks = Looks()
    rollups(looks, 0, Backlog("pune", 1, NOON))
    (demo,) = looks.idle
    assert demo == "demo:rolled_up"
    assert rollups(looks, 9, Backlog("pune", 1, NOON))["pune"]["rolled_up_waiting_s"] == 540


def test_waits_above_the_limit_are_told_the_longest_first() -> None:
    numbers = {"demo": {"a_waiting_s": 61.0, "a_behind": 9_999.0}, "pune": {"a_waiting_s": 60.0, "silent_s": 70.0}}
    assert list(late(numbers, 60).items()) == [("pune: silent_s", 70), ("demo: a_waiting_s", 61)]
    assert longest_s(numbers) == 70
    assert longest_s({}) == 0
