"""How much the champion can bear on SKAB: recordings are cropped, soiled and broken, settings stay. See `skab`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from rich.table import Table

from bench.ml.skab_files import Recording
from bench.ml.skab_protocol import LIFE_ROWS, TRAINING_ROWS, Trial, try_out
from ml.arrays import FloatArray
from ml.detectors.protocol import Detector
from ml.metrics import confusion, f1, false_alarm_rate, vus_pr

SOILED_SHARE: Final = 0.05
HOLE_EVERY: Final = 20
BROKEN_FROM: Final = 450
GAP: Final = slice(700, 745)
SEED: Final = 11

Change = Callable[[Recording], Recording | None]


def robustness(make: Callable[[], Detector], threshold: float, recordings: list[Recording], normal: Recording) -> Table:
    """Judge changed recordings with the frozen threshold.

    Args:
        make: Gives an unfitted champion.
        threshold: Its, in units.
        recordings: Of steady sensors.
        normal: The long normal recording, of another regime than most.
    """
    table = Table(title="the champion on changed recordings, settings as they were")
    for column in ("change", "F1", "FAR %", "VUS-PR", "anomalies a file"):
        table.add_column(column, justify="left" if column == "change" else "right")
    sensors = range(len(recordings[0].sensors))
    for name, change in changes().items():
        _add(table, name, [change(recording) for recording in recordings], make, threshold)
    for name, value in (("missing", np.nan), ("stuck", None)):
        for sensor in sensors:
            broken = [_broken(recording, sensor, value) for recording in recordings]
            _add(table, f"{recordings[0].sensors[sensor]} {name}", list(broken), make, threshold)
    _add(table, "another regime", [_moved(recording, normal) for recording in recordings], make, threshold)
    return table


def changes() -> dict[str, Change]:
    """What is done to a recording, by name; None leaves it out."""
    return {
        "none": lambda recording: recording,
        "cropped: 100 rows off the front": lambda recording: recording.rows(slice(100, None)),
        "cropped: the last third gone": lambda recording: recording.rows(slice(0, 2 * len(recording.values) // 3)),
        "normal rows only, up to the fault": _normal_only,
        "normal rows put in front": _longer,
        f"{SOILED_SHARE:.0%} of training rows anomalous": _soiled,
        "45 rows gone, every 20th value missing": _with_gaps,
    }


def _add(
    table: Table,
    name: str,
    recordings: list[Recording | None],
    make: Callable[[], Detector],
    threshold: float,
) -> None:
    trials: list[Trial] = [try_out(make, recording) for recording in recordings if recording is not None]
    counts = np.sum([confusion(trial.is_anomaly, trial.scores > threshold) for trial in trials], axis=0)
    faulty = [trial for trial in trials if trial.is_anomaly.any()]
    runs = np.mean(
        [np.sum(np.diff(trial.scores > threshold, prepend=False) & (trial.scores > threshold)) for trial in trials]
    )
    table.add_row(
        name,
        f"{float(f1(counts)):.3f}" if faulty else "-",
        f"{100 * float(false_alarm_rate(counts)):.1f}",
        f"{np.mean([vus_pr(trial.is_anomaly, trial.scores) for trial in faulty]):.3f}" if faulty else "-",
        f"{runs:.1f}",
    )


def _normal_only(recording: Recording) -> Recording | None:
    """The rows before the first labelled one; a file whose fault begins while it teaches has none."""
    first = int(np.flatnonzero(recording.is_anomaly)[0])
    return recording.rows(slice(0, first)) if first > TRAINING_ROWS else None


def _longer(recording: Recording) -> Recording:
    """The training rows once more before the judging ones: a detector that knows the time of the fault is lost."""
    return recording.rows(np.concatenate([np.arange(TRAINING_ROWS), np.arange(len(recording.values))]))


def _soiled(recording: Recording) -> Recording:
    """Some training rows are exchanged for rows of the fault."""
    rng = np.random.default_rng(SEED)
    rows = np.arange(len(recording.values))
    count = int(SOILED_SHARE * TRAINING_ROWS)
    first = int(rng.integers(0, TRAINING_ROWS - count))
    rows[first : first + count] = rng.choice(np.flatnonzero(recording.is_anomaly), count, replace=False)
    return replace(recording, values=recording.values[rows])


def _with_gaps(recording: Recording) -> Recording:
    """A stretch is gone from the fault, and of the judging rows every twentieth lacks one sensor."""
    values = recording.values.copy()
    holes = np.arange(TRAINING_ROWS, len(values), HOLE_EVERY)
    values[holes, np.arange(len(holes)) % values.shape[1]] = np.nan
    kept = np.delete(np.arange(len(values)), GAP)
    return replace(recording, values=_carried_forward(values)).rows(kept)


def _carried_forward(values: FloatArray) -> FloatArray:
    """Single holes filled with the value before, as the platform's grid does."""
    filled = values.copy()
    filled[1:] = np.where(np.isnan(values[1:]), values[:-1], values[1:])
    return filled


def _broken(recording: Recording, sensor: int, value: float | None) -> Recording:
    """One sensor is gone, or stands still, from some time before the fault on."""
    values = recording.values.copy()
    values[BROKEN_FROM:, sensor] = values[BROKEN_FROM, sensor] if value is None else value
    return replace(recording, values=values)


def _moved(recording: Recording, normal: Recording) -> Recording:
    """After training, the machine runs in the regime of the long normal recording: drift, and no fault."""
    later = normal.values[: LIFE_ROWS - TRAINING_ROWS]
    values = np.concatenate([recording.values[:TRAINING_ROWS], later])
    return replace(recording, values=values, is_anomaly=np.zeros(len(values), dtype=np.bool_))
