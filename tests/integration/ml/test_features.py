"""Reading a class onto the grid, piece by piece."""

from datetime import timedelta

import numpy as np
import pytest

from ml import features
from ml.features import Equipment, frames
from ml.grid import microseconds_of, step_of
from ml.windows import LEAD_STEPS

GRID_US = 60_000_000
PUMP = Equipment("demo", "P1")


def read(plant, steps: range, sensors: tuple[str, ...] = ("flow", "pressure")) -> dict[int, list[float]]:
    """Values by step, as far as they were observed."""
    found = {}
    with plant.engine.connect() as connection:
        for frame in frames(connection, PUMP, sensors, GRID_US, steps):
            for row in np.flatnonzero(frame.is_observed[LEAD_STEPS:]) + LEAD_STEPS:
                assert frame.first_step + row not in found
                found[int(frame.first_step + row)] = frame.values[row].tolist()
    return found


@pytest.fixture
def first(empty_plant) -> int:
    """Step of the first reading: ten minutes of two sensors, and ten more 300 days later."""
    plant, values = empty_plant, np.arange(10.0)
    plant.register("P1")
    for start in (plant.start, plant.start + timedelta(days=300)):
        plant.add("P1", "flow", start, values)
        plant.add("P1", "pressure", start, -values)
    return step_of(microseconds_of(plant.start), GRID_US)


def test_every_reading_is_in_one_frame_and_a_long_standstill_in_none(empty_plant, first: int) -> None:
    later = first + 300 * 24 * 60
    expected = {start + minute: [float(minute), -float(minute)] for start in (first, later) for minute in range(10)}
    assert read(empty_plant, range(first, later + 10)) == expected
    assert read(empty_plant, range(first + 10, later)) == {}


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_it_does_not_matter_how_much_is_read_at_once(
    empty_plant, first: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(empty_plant, range(first, first + 40))
    monkeypatch.setattr(features, "CHUNK_STEPS", chunk)
    assert read(empty_plant, range(first, first + 40)) == whole


def test_nothing_later_than_the_range_is_seen_and_what_came_before_is_carried_in(empty_plant, first: int) -> None:
    with empty_plant.engine.connect() as connection:
        (frame,) = frames(connection, PUMP, ("flow",), GRID_US, range(first + 4, first + 6))
    assert frame.first_step == first + 4 - LEAD_STEPS
    assert len(frame.values) == LEAD_STEPS + 2
    np.testing.assert_array_equal(frame.values[-6:, 0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert np.isnan(frame.values[:-6]).all()


def test_sensors_come_in_the_order_asked_for_and_unknown_ones_are_empty(empty_plant, first: int) -> None:
    found = read(empty_plant, range(first + 3, first + 4), ("pressure", "torque", "flow"))
    np.testing.assert_array_equal(found[first + 3], [-3.0, np.nan, 3.0])
