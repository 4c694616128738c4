"""Training and scoring on a real test bed (SKAB) without its labels. Accuracy is a benchmark's business."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml.cause import Cause
from ml.score import score_range
from ml.train import train

SKAB = Path(__file__).parents[4] / "shared" / "data" / "skab" / "data"
LABELS = {"anomaly", "changepoint"}


def test_the_valve_test_bed_gets_a_champion_that_is_no_alarm_bell(empty_plant, ml_settings) -> None:
    """Each file is a machine of twenty minutes at 1 Hz, with unlabelled faults in its second half."""
    files = sorted((SKAB / "valve1").glob("*.csv"))[:6]
    if not files:
        pytest.skip(f"the SKAB files are not at {SKAB}")
    plant, ends = empty_plant, []
    for file in files:
        plant.register(file.stem)
        ends.append(add_file(plant, file))

    outcome = train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    assert outcome.is_promoted, outcome.reason
    assert outcome.metrics["false_alarm_rate"] < 0.10

    first = min(start for start, _ in ends)
    summary = score_range(plant.engine, first, max(end for _, end in ends), settings=ml_settings)
    assert summary.equipment_count == len(files)
    assert summary.window_count > 900 * len(files)
    early = plant.rows(
        "select equipment_code, avg(is_anomaly::int) from (select *, row_number() over ("
        "  partition by equipment_code order by event_time) as number from ml.scores) as numbered"
        " where number < 400 group by 1"
    )
    assert max(float(share) for _, share in early) < 0.10


def add_file(plant, file: Path) -> tuple[datetime, datetime]:
    """Write a file's sensors; returns when it begins and ends. The gaps between its seconds are kept."""
    with file.open() as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    times = [datetime.fromisoformat(row.pop("datetime")).replace(tzinfo=UTC) for row in rows]
    for sensor in rows[0].keys() - LABELS:
        values = np.array([float(row[sensor]) for row in rows])
        plant.execute(
            "insert into marts.features_equipment_readings"
            " select 'demo', :code, :cls, :sensor, at, value, at, at"
            " from unnest(cast(:times as timestamptz[]), cast(:readings as double precision[])) as given (at, value)",
            code=file.stem,
            sensor=sensor,
            times=times,
            readings=values.tolist(),
        )
    return times[0], times[-1] + timedelta(seconds=1)
