"""What a validation holds back and lets go, as the ledger of touched hours then tells it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from expectations import data_docs, results, thresholds
from expectations.errors import NothingHeld, ReleaseInvalid, WindowInvalid
from expectations.evaluate import close_datasource, evaluate, open_datasource
from expectations.holds import look, open_holds, release
from expectations.suites import SUITES
from expectations.validate import validate_window
from expectations.window import Window
from warehouse import ledger
from warehouse.engine import create_engine
from warehouse.ledger import HourRange
from warehouse.roles import EXPECTATIONS, LOADER

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE = [HourRange(HOUR, HOUR + AN_HOUR)]

Validate = Callable[..., dict[str, Any]]


@pytest.fixture
def touch(warehouse_engine: Engine) -> Callable[..., None]:
    """Tells the ledger that loads touched hours of a site, numbered from HOUR, at a minute."""

    def touch(*numbers: int, site: str = "demo", minute: int = 0) -> None:
        with warehouse_engine.begin() as connection:
            hours = {HOUR + number * AN_HOUR for number in numbers}
            ledger.touch(connection, site, hours, T0 + timedelta(minutes=minute))

    return touch


def held(engine: Engine) -> list[tuple[int, str]]:
    """Numbers of held hours, and why."""
    query = text("select hour, expectation from ops.held_hours order by hour, expectation")
    with engine.connect() as connection:
        return [((hour - HOUR) // AN_HOUR, name) for hour, name in connection.execute(query)]


def outcomes(engine: Engine) -> list[tuple[str, str | None]]:
    query = text("select expectation, released_by from ops.holds order by hold_id")
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]  # type: ignore[misc]


def bad_readings(plant: Any, minute: int = 0) -> None:
    plant.readings([float("nan")], start=HOUR + timedelta(minutes=minute))


def test_a_held_hour_is_pending_for_nobody_until_newer_rows_come(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """S0-059. Nor does a run settle it whose snapshot is older than the hold."""
    bad_readings(plant)
    touch(0, 1)
    touch(0, 1, site="other")
    before = ledger.seen(warehouse_engine, "rolled_up", HOUR, HOUR + 2 * AN_HOUR)
    validate(HOUR, HOUR + 2 * AN_HOUR)
    assert held(warehouse_engine) == [(0, "values_are_present")]
    assert [str(line) for line in ledger.held(warehouse_engine)] == [
        "1 hour of site demo from 2026-03-02 09:00 held back by values_are_present"
    ]
    after = ledger.seen(warehouse_engine, "rolled_up", HOUR, HOUR + 2 * AN_HOUR)
    assert set(zip(before.site_codes, before.hours, strict=True)) - set(
        zip(after.site_codes, after.hours, strict=True)
    ) == {("demo", HOUR)}

    ledger.settle(warehouse_engine, "rolled_up", before)
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []


def test_the_local_dates_of_a_held_hour_wait_at_its_site(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """Nine in UTC is the evening of the same date in Auckland, which ends at eleven UTC."""
    plant.register("sites", "demo", name="Demo", time_zone="Pacific/Auckland")
    bad_readings(plant)
    touch(-1, 0, 1, 2, 20)
    touch(0, site="other")
    validate()
    ledger.settle(
        warehouse_engine, "rolled_up", ledger.seen(warehouse_engine, "rolled_up", HOUR - AN_HOUR, HOUR + 21 * AN_HOUR)
    )
    waiting = ledger.seen(warehouse_engine, "summarized", HOUR - AN_HOUR, HOUR + 21 * AN_HOUR)
    numbers = [(hour - HOUR) // AN_HOUR for hour in waiting.hours]
    assert list(zip(waiting.site_codes, numbers, strict=True)) == [("demo", 2), ("demo", 20), ("other", 0)]
    with warehouse_engine.connect() as connection:
        dates = connection.execute(text("select first_date, last_date from ops.held_hours")).one()
    assert tuple(dates) == (date(2026, 3, 2), date(2026, 3, 2))


def test_events_hold_the_hours_that_they_reach_into(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """C12: the first ends the state before it, at ten to nine; the last lasts until half past eleven."""
    plant.events({"confidence": 1.5, "duration_s": 9_000})
    touch(-1, 0, 1, 2, 3)
    validate()
    assert held(warehouse_engine) == [(number, "confidences_are_ratios") for number in (-1, 0, 1, 2)]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == [HourRange(HOUR + 3 * AN_HOUR, HOUR + 4 * AN_HOUR)]
    release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == [HourRange(HOUR - AN_HOUR, HOUR + 4 * AN_HOUR)]


def test_a_neighbour_that_is_held_with_an_hour_lets_both_go(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """All messages count the neighbours as held, so their hours are what a person names."""
    plant.events({"confidence": 1.5, "duration_s": 9_000})
    touch(-1, 0, 1, 2)
    validate()
    with pytest.raises(NothingHeld):
        release(warehouse_engine, "demo", HOUR + 3 * AN_HOUR, HOUR + 4 * AN_HOUR, by="Ada", reason="known")
    # The second is bad by itself too: it stays, and nothing of it is said to be let go.
    plant.readings([float("nan")], start=HOUR + AN_HOUR)
    validate(HOUR + AN_HOUR, HOUR + 2 * AN_HOUR, suites=["readings"])
    hours = release(warehouse_engine, "demo", HOUR - AN_HOUR, HOUR, by="Ada", reason="known")
    assert hours == [HOUR - AN_HOUR, HOUR, HOUR + 2 * AN_HOUR]
    assert held(warehouse_engine) == [(1, "values_are_present")]


def test_a_source_that_is_refused_too_much_holds_its_site(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """S0-064, S0-065, C48. What is released is not held again by what nobody can mend, such as items refused."""
    plant.batch(100, quarantined_count=10, duplicate_count=5, received_at=HOUR + AN_HOUR)
    touch(0, 1)
    window = (HOUR, HOUR + 2 * AN_HOUR)
    validate(*window)
    both = ("duplicate_rate_is_low", "invalid_rate_is_low")
    assert held(warehouse_engine) == [(number, name) for number in (0, 1) for name in both]
    # The first hour alone says nothing of the batch that came in the second.
    validate(HOUR, HOUR + AN_HOUR)
    assert len(held(warehouse_engine)) == 4

    assert release(warehouse_engine, "demo", *window, by=" Ada ", reason="a test rig") == [HOUR, HOUR + AN_HOUR]
    results = validate(*window)
    assert not results["invalid_rate_is_low"].is_success
    assert held(warehouse_engine) == []
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == [HourRange(*window)]
    assert {by for _, by in outcomes(warehouse_engine)} == {"Ada"}


def test_a_hold_ends_where_the_same_rows_pass(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """As after a change of a limit: the hour is rolled up once more, though nothing was loaded."""
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    plant.readings([90.0])
    touch(0)
    # Fewer than 20 readings: one bad one is forgiven, two are not.
    plant.readings([91.0, 92.0], start=HOUR + AN_HOUR / 2)
    validate()
    assert held(warehouse_engine) == [(0, "values_are_within_registered_limits")]
    validate(HOUR, HOUR + AN_HOUR, suites=["events", "ledger"])
    validate(HOUR + AN_HOUR / 4, HOUR + AN_HOUR)
    assert len(held(warehouse_engine)) == 1

    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=100)
    validate()
    assert held(warehouse_engine) == []
    assert outcomes(warehouse_engine) == [("values_are_within_registered_limits", "validation")]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == ONE
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    validate()
    assert len(held(warehouse_engine)) == 1


def test_what_is_loaded_anew_and_fails_is_held_on_and_what_was_released_is_held_again(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """An hour into which bad rows keep coming is one hold, not one a load."""
    bad_readings(plant)
    for minute in range(3):
        touch(0, minute=minute)
        assert len(held(warehouse_engine)) == min(minute, 1)
        validate()
        assert len(held(warehouse_engine)) == 1
    assert outcomes(warehouse_engine) == [("values_are_present", None)]
    (hold,) = open_holds(warehouse_engine)
    assert (hold.site_code, hold.hour, hold.observed["subjects"]) == ("demo", HOUR, ["P1"])

    release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    validate()
    assert held(warehouse_engine) == []
    touch(0, minute=4)
    validate()
    assert outcomes(warehouse_engine) == [("values_are_present", "Ada"), ("values_are_present", None)]


def test_new_scores_neither_let_a_held_hour_go_nor_hold_a_released_one_again(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    bad_readings(plant)
    touch(0)
    validate()
    ledger.reopen(warehouse_engine, HOUR, HOUR + AN_HOUR)
    assert len(held(warehouse_engine)) == 1
    release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    ledger.reopen(warehouse_engine, HOUR, HOUR + AN_HOUR)
    validate()
    assert held(warehouse_engine) == []


def test_an_hour_that_the_ledger_does_not_know_cannot_be_held(plant: Any, validate: Validate) -> None:
    """Then the run must not go on: its result says so."""
    bad_readings(plant)
    assert validate()["values_are_present"].unheld == (HOUR,)


def test_what_is_no_release_is_refused(plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine) -> None:
    bad_readings(plant)
    touch(0)
    validate()
    hour = (HOUR, HOUR + AN_HOUR)
    with pytest.raises(NothingHeld, match="hours are held of demo"):
        release(warehouse_engine, "other", *hour, by="Ada", reason="known")
    with pytest.raises(NothingHeld, match="no hour of site 'demo'"):
        release(warehouse_engine, "demo", HOUR + AN_HOUR, HOUR + 2 * AN_HOUR, by="Ada", reason="known")
    with pytest.raises(ReleaseInvalid, match="needs a name"):
        release(warehouse_engine, "demo", *hour, by="", reason="known")
    with pytest.raises(ReleaseInvalid, match="needs a reason"):
        release(warehouse_engine, "demo", *hour, by="Ada", reason=" ")
    with pytest.raises(ReleaseInvalid, match="name of a person"):
        release(warehouse_engine, "demo", *hour, by="validation", reason="known")
    with pytest.raises(WindowInvalid):
        release(warehouse_engine, "demo", HOUR, HOUR, by="Ada", reason="known")
    assert len(open_holds(warehouse_engine)) == 1
    with warehouse_engine.begin() as connection, pytest.raises(IntegrityError, match="released_for_a_reason"):
        connection.execute(text("update ops.holds set released_at = now(), released_by = 'nobody'"))


@contextmanager
def slow_validation(url: str, engine: Engine, suite: str, hours: int = 1) -> Iterator[None]:
    """Judges hours from HOUR on as they are, and stores what came of it after everything else that happens."""
    window, limits = Window(HOUR, HOUR + hours * AN_HOUR), thresholds.read()
    seen = look(engine, window)
    context = data_docs.open_context(limits)
    datasource = open_datasource(context, url)
    found = evaluate(context, datasource, SUITES[suite], limits, window)
    close_datasource(datasource)
    yield
    results.record(engine, window, [suite], found, seen, "slow")


def test_an_older_validation_lets_nothing_go_that_a_newer_one_held(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    plant.readings([20.0])
    touch(0)
    with slow_validation(warehouse_url, warehouse_engine, "readings"):
        bad_readings(plant, minute=1)
        touch(0, minute=1)
        validate()
    assert held(warehouse_engine) == [(0, "values_are_present")]
    assert outcomes(warehouse_engine) == [("values_are_present", None)]


def test_an_older_validation_lets_no_day_pass_that_a_newer_one_failed(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """It looked at the first hour only, and thereby at the day, of which the newer one held the third."""
    plant.batch(100)
    touch(0, 2)
    with slow_validation(warehouse_url, warehouse_engine, "ledger"):
        plant.batch(100, quarantined_count=50, received_at=HOUR + AN_HOUR)
        validate(HOUR + 2 * AN_HOUR, HOUR + 3 * AN_HOUR)
        assert held(warehouse_engine) == [(2, "invalid_rate_is_low")]
    assert held(warehouse_engine) == [(2, "invalid_rate_is_low")]


def test_an_older_validation_does_not_put_its_rows_in_the_place_of_newer_ones(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """A hold of older rows would have the hour judged for ever."""
    bad_readings(plant)
    touch(0)
    with slow_validation(warehouse_url, warehouse_engine, "readings"):
        touch(0, minute=1)
        validate()
    assert held(warehouse_engine) == [(0, "values_are_present")]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []


def test_an_older_validation_holds_only_what_no_newer_one_has_passed(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """As after a change of a limit: the newer one, of the first hour, had other limits for the same rows."""
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    for hour in (HOUR, HOUR + AN_HOUR):
        plant.readings([90.0, 91.0, 92.0], start=hour)
    touch(0, 1)
    with slow_validation(warehouse_url, warehouse_engine, "readings", hours=2):
        plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=100)
        validate()
    assert held(warehouse_engine) == [(1, "values_are_within_registered_limits")]


def test_an_older_validation_does_not_hold_what_a_person_has_let_go(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    bad_readings(plant)
    touch(0)
    validate()
    with slow_validation(warehouse_url, warehouse_engine, "readings"):
        release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    assert outcomes(warehouse_engine) == [("values_are_present", "Ada")]


def test_holds_and_releases_by_its_own_login(
    warehouse_url: str, as_role: Callable[[str, str], str], plant: Any, touch: Any, tmp_path: Path
) -> None:
    """DESIGN 4: who validates holds and releases; who runs the sensors sees what waits."""
    bad_readings(plant)
    touch(0)
    own = as_role(EXPECTATIONS, warehouse_url)
    validate_window(own, HOUR, HOUR + AN_HOUR, docs_dir=tmp_path)
    loader, engine = create_engine(as_role(LOADER, warehouse_url)), create_engine(own)
    assert [line.hour_count for line in ledger.held(loader)] == [1]
    release(engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    assert ledger.pending_ranges(loader, "rolled_up") == ONE
    loader.dispose()
    engine.dispose()
