"""Newer rows of a held hour have it judged again, and let nothing through before it has passed (S0-064)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from orchestration.pending import old_hours_pending
from tests.integration.expectations.held import AN_HOUR, HOUR, ONE, Validate, held
from warehouse import ledger
from warehouse.ledger import HourRange


def test_they_are_judged_and_settled_only_once_they_pass(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """As when they land between the check of a run and its rollup. The dates of the hour wait on."""
    hour, both = (HOUR, HOUR + AN_HOUR), (HOUR, HOUR + 2 * AN_HOUR)
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    plant.readings([90.0, 91.0])
    touch(0, 1)
    validate(*both)
    ledger.settle(warehouse_engine, "rolled_up", ledger.seen(warehouse_engine, "rolled_up", *both))
    for minute in (1, 2):
        touch(0, minute=minute)
        assert [number for number, _ in held(warehouse_engine)] == [0]
        assert ledger.pending_ranges(warehouse_engine, "rolled_up") == ONE
        assert ledger.pending_ranges(warehouse_engine, "summarized") == []
        (backlog,) = ledger.backlogs(warehouse_engine, "rolled_up", HOUR)
        assert (backlog.hour_count, old_hours_pending(warehouse_engine)) == (1, 1)
        seen = ledger.seen(warehouse_engine, "rolled_up", *hour)
        assert seen.hours == (HOUR,)
        ledger.settle(warehouse_engine, "rolled_up", seen)
        assert ledger.pending_ranges(warehouse_engine, "rolled_up") == ONE
        # It fails again, and waits for nobody but a person: no run goes over it in vain.
        validate(*hour)
        assert [number for number, _ in held(warehouse_engine)] == [0]
        assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []
        assert old_hours_pending(warehouse_engine) == 0

    plant.readings([20.0] * 40, start=HOUR + timedelta(minutes=1))
    touch(0, minute=3)
    seen = ledger.seen(warehouse_engine, "rolled_up", *hour)
    validate(*hour)
    assert held(warehouse_engine) == []
    ledger.settle(warehouse_engine, "rolled_up", seen)
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []
    assert ledger.pending_ranges(warehouse_engine, "summarized") == [HourRange(*both)]


def test_the_hours_that_the_held_one_reaches_into_wait_until_it_is_judged(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """A run over them alone would judge nothing that holds them."""
    plant.events({"confidence": 1.5, "duration_s": 9_000})
    touch(-1, 0, 1, 2)
    validate()
    touch(-1, 0, 1, 2, minute=1)
    assert [number for number, _ in held(warehouse_engine)] == [-1, 0, 1, 2]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == ONE
    validate()
    assert [number for number, _ in held(warehouse_engine)] == [-1, 0, 1, 2]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []
