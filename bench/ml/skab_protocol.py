"""How a detector is taught and judged on one recording of SKAB. What the figures are is in `skab`.

The benchmark's protocol: the first 400 rows of a file teach, the others judge. Ours beside it: a row is judged by the
30 rows up to it and no later one, and nothing is tuned by labels or by file. A threshold needs scores that a detector
gives to normal rows it has not learnt, and 400 rows are few to set some aside: they are cut in four, each quarter is
scored by a detector taught on the other three, and the 95th percentile of these scores is the unit in which the
detector taught on all 400 is read. How many units are an anomaly is learnt from the test bed's one long normal
recording, as the figure at which the cap on false alarms is just kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.ml.skab_files import Recording
from ml.arrays import BoolArray, FloatArray, IntArray
from ml.detectors.protocol import Detector
from ml.scaling import MinMaxScaler
from ml.sensor_choice import drifting_sensors
from ml.stand_in import StandIn
from ml.trimming import ordinary_windows
from ml.windows import LEAD_STEPS, WINDOW_STEPS, cut, window_ends

TRAINING_ROWS: Final = 400
FOLDS: Final = 4
UNIT_PERCENTILE: Final = 95.0
FALSE_ALARM_CAP: Final = 0.10
"""The platform's own: what a champion may at most flag of normal rows."""
LIFE_ROWS: Final = 1_150
"""Rows of a recording: for so long a threshold has to hold."""
START_EVERY: Final = 550
SEED: Final = 7


@dataclass(frozen=True)
class Trial:
    """Scores of the rows that judge.

    Attributes:
        scores: In units of the recording's own threshold unit, shape (time,); rows that cannot be judged repeat the
            score before.
        is_anomaly: Labels, shape (time,).
    """

    scores: FloatArray
    is_anomaly: BoolArray


def steady_sensors(recordings: list[Recording]) -> BoolArray:
    """The sensors that do not drift with their surroundings, by the training rows of all recordings; (sensor,)."""
    parts = [_training_windows(recording.values) for recording in recordings]
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return ~drifting_sensors(np.concatenate(parts), owners)


def try_out(make: Callable[[], Detector], recording: Recording) -> Trial:
    """Teach a detector on a recording's first rows and let it judge the others.

    Args:
        make: Gives an unfitted detector.
        recording: Its first `TRAINING_ROWS` rows teach; NaN where a sensor is missing later.
    """
    teaching = _training_windows(recording.values)
    teaching = teaching[ordinary_windows(teaching, np.zeros(len(teaching), dtype=np.int64), stride=1)]
    scaler = MinMaxScaler.fit(teaching)
    scaled = scaler.scale(teaching)
    unit = float(np.percentile(_held_out_scores(make, scaled), UNIT_PERCENTILE))
    detector = _taught(make, scaled)
    stand_in = StandIn.fit(scaled, detector.score(scaled))
    least = -(-recording.values.shape[1] // 2)
    ends = window_ends(recording.values, least_sensors=least)
    ends = ends[ends >= TRAINING_ROWS]
    found = detector.score(stand_in.mend(scaler.scale(cut(recording.values, ends)))) / unit
    return Trial(_by_row(found, ends, len(recording.values)), recording.is_anomaly[TRAINING_ROWS:])


def threshold_of(make: Callable[[], Detector], normal: Recording) -> float:
    """How many units are an anomaly: exceeded by a capped share of a normal recording's rows, taught on 400 of it.

    Args:
        make: Gives an unfitted detector.
        normal: Long, without an anomaly; detectors are taught and judged along it again and again.
    """
    starts = range(0, len(normal.values) - LIFE_ROWS + 1, START_EVERY)
    scores = [try_out(make, normal.rows(slice(start, start + LIFE_ROWS))).scores for start in starts]
    return float(np.quantile(np.concatenate(scores), 1.0 - FALSE_ALARM_CAP))


def _training_windows(values: FloatArray) -> FloatArray:
    return cut(values, np.arange(LEAD_STEPS, TRAINING_ROWS))


def _taught(make: Callable[[], Detector], windows: FloatArray) -> Detector:
    detector = make()
    detector.fit(windows, seed=SEED, progress=lambda stage, share: None)
    return detector


def _held_out_scores(make: Callable[[], Detector], windows: FloatArray) -> FloatArray:
    """Scores of each quarter by a detector that saw no row of it, shape (window,)."""
    scores = []
    for quarter in np.array_split(np.arange(len(windows)), FOLDS):
        shared = np.arange(max(quarter[0] - WINDOW_STEPS + 1, 0), min(quarter[-1] + WINDOW_STEPS, len(windows)))
        scores.append(_taught(make, np.delete(windows, shared, axis=0)).score(windows[quarter]))
    return np.concatenate(scores)


def _by_row(scores: FloatArray, ends: IntArray, row_count: int) -> FloatArray:
    """Scores of the rows from `TRAINING_ROWS` on, each that of the last window that ended by then."""
    latest = np.searchsorted(ends, np.arange(TRAINING_ROWS, row_count), side="right") - 1
    return np.where(latest >= 0, scores[np.maximum(latest, 0)], 0.0)
