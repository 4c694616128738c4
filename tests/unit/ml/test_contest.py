"""The choice of the best single sensor, on held-out data."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ml.candidates import Judges
from ml.contest import best_single_sensor
from ml.dataset import Part, TrainingData
from ml.features import Equipment
from ml.stretches import Stretch

AT = datetime(2026, 3, 2, tzinfo=UTC)


def data(spread: list[float]) -> TrainingData:
    """Two sensors alike; only those with a spread can fail."""
    rng = np.random.default_rng(1)

    def part(count: int) -> Part:
        return Part(rng.normal(size=(count, 30, 2)).astype(np.float32), np.zeros(count, dtype=np.int64))

    later = Stretch(0, 0, rng.normal(size=(229, 2)).astype(np.float32), np.arange(29, 229))
    return TrainingData(
        equipment=(Equipment("demo", "P1"),),
        sensors=("flow", "pressure"),
        left_out=(),
        grid_s=1.0,
        stride=1,
        fit=part(200),
        held_out=part(100),
        later=(later,),
        spread=np.array(spread),
        trimmed_count=0,
        reading_count=1,
        sha256="",
        started_at=AT,
        ended_at=AT,
        as_of=AT,
    )


@pytest.mark.parametrize(("spread", "sensor"), [([3.0, 0.0], 0), ([0.0, 3.0], 1)])
def test_the_sensor_that_finds_the_held_out_faults_is_chosen(spread: list[float], sensor: int) -> None:
    found = data(spread)
    rule = best_single_sensor(found, Judges.of(found, seed=7))
    assert rule.params == {"sensor": sensor}
