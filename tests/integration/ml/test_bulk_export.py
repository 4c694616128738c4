"""Readings leave for training elsewhere, and a training of any length needs no more memory than a short one."""

import json
import tracemalloc
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml import features
from ml.bulk_export import METADATA_KEY, export
from ml.dataset import read_training_data
from ml.errors import NotEnoughData


def test_the_file_holds_what_a_training_sees(plant, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S4-028: all readings on the grid, in pieces, under the digest of a training on the same readings."""
    monkeypatch.setattr(features, "CHUNK_STEPS", 1_000)
    path = tmp_path / "new" / "pumps.parquet"
    with plant.engine.connect() as connection:
        data = read_training_data(connection, plant.equipment_class, grid_s=None, history_days=28.0, max_windows=4_000)
        done = export(connection, plant.equipment_class, plant.start, plant.end, path, None)
    assert done.sha256 == data.sha256
    assert done.row_count == 5 * plant.hours * 60
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 5 * 3
    assert json.loads(file.metadata.metadata[METADATA_KEY.encode()])["sha256"] == data.sha256
    table = file.read()
    assert table.column_names == ["site_code", "equipment_code", "event_time", *sorted(plant.sensors)]
    stored = plant.rows(
        "select equipment_code, event_time, value from marts.features_equipment_readings"
        " where metric = 'flow' order by 1, 2"
    )
    rows = zip(*(table[name].to_pylist() for name in ("equipment_code", "event_time", "flow")), strict=True)
    assert list(rows) == stored
    assert list(path.parent.iterdir()) == [path]


def test_a_range_without_readings_leaves_no_file(plant, tmp_path) -> None:
    with plant.engine.connect() as connection, pytest.raises(NotEnoughData):
        export(
            connection, plant.equipment_class, plant.end, plant.end + timedelta(days=1), tmp_path / "x.parquet", None
        )
    assert list(tmp_path.iterdir()) == []


def test_three_times_the_history_takes_no_more_memory(empty_plant) -> None:
    """Issue 5: training streams windows from the warehouse; a year of them is never in memory."""
    plant, days = empty_plant, 84
    plant.register("P1")
    for sensor in ("flow", "pressure"):
        plant.add("P1", sensor, plant.start, np.random.default_rng(1).normal(size=days * 1_440))

    def peak_mib(history_days: float) -> float:
        with plant.engine.connect() as connection:
            tracemalloc.start()
            data = read_training_data(
                connection, plant.equipment_class, grid_s=60.0, history_days=history_days, max_windows=2_000
            )
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
        assert data.reading_count == pytest.approx(2 * 1_440 * history_days, rel=0.01)
        return peak

    peak_mib(28)  # what is imported and cached once
    assert peak_mib(days) < 1.2 * peak_mib(28)
