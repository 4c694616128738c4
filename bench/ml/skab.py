"""Anomaly detectors on SKAB's water test bed, each beside what asks for no skill. The protocol is in `skab_protocol`.

The settings were frozen by the test bed's long normal recording and the first 400 rows of each file. How often the
judging rows were looked at on the way is told in docs/detection.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.table import Table

from bench.ml import skab_plots
from bench.ml.skab_files import NORMAL_ONLY, Recording, read, read_all
from bench.ml.skab_protocol import Trial, steady_sensors, threshold_of, try_out
from bench.ml.skab_robustness import robustness
from ml.arrays import FloatArray, IntArray
from ml.detectors.isolation_forest import IsolationForestDetector
from ml.detectors.lstm_autoencoder.detector import LstmAutoencoderDetector
from ml.detectors.naive import AlwaysOnDetector, RandomDetector
from ml.detectors.pca import PcaDetector
from ml.detectors.protocol import Detector
from ml.detectors.single_sensor import SingleSensorDetector
from ml.metrics import (
    bootstrap_interval,
    confusion,
    f1,
    false_alarm_rate,
    mean_over_groups,
    missed_alarm_rate,
    pooled,
    steps_to_detect,
    vus_pr,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS: Final = 60
"""Of the autoencoder: 371 windows are few, so it may pass over them more often; it stops early by itself."""
CHAMPION: Final = "pca"
PUBLISHED: Final = (
    # F1, false and missed alarms in percent, of the benchmark's own table; these look ahead.
    ("published: Conv-AE", "0.78", "13.6", "28.0"),
    ("published: T2+Q (PCA)", "0.76", "26.6", "24.9"),
    ("published: LSTM-AE", "0.74", "30.0", "25.9"),
    ("published: Isolation Forest", "0.29", "2.6", "82.9"),
)
BOOTSTRAP_SEED: Final = 20_221


@dataclass(frozen=True)
class Result:
    """A detector on all recordings.

    Attributes:
        trials: By recording.
        threshold: In units, the same for all recordings.
        confusions: Shape (recording, 4).
        vus: VUS-PR of each recording, shape (recording,).
    """

    trials: tuple[Trial, ...]
    threshold: float
    confusions: IntArray
    vus: FloatArray

    @classmethod
    def of(cls, trials: list[Trial], threshold: float) -> "Result":
        """Work the figures out."""
        confusions = np.array([confusion(trial.is_anomaly, trial.scores > threshold) for trial in trials])
        return cls(tuple(trials), threshold, confusions, np.array([vus_pr(t.is_anomaly, t.scores) for t in trials]))

    def delays(self) -> FloatArray:
        """Seconds to detect each fault, NaN where it is missed, shape (fault,)."""
        return np.concatenate([steps_to_detect(t.is_anomaly, t.scores > self.threshold) for t in self.trials])

    def figures(self) -> tuple[float, float, float, float]:
        """F1, false and missed alarm rate, pooled over recordings; VUS-PR, the mean over recordings."""
        total = self.confusions.sum(axis=0)
        return float(f1(total)), float(false_alarm_rate(total)), float(missed_alarm_rate(total)), float(self.vus.mean())


def benchmark() -> tuple[list[Table], dict[str, "Figure"]]:
    """Judge all detectors, then try how much the champion can bear.

    Raises:
        FileNotFoundError: The data are not there.
    """
    recordings = read_all()
    steady = steady_sensors(recordings)
    dropped = [name for name, is_steady in zip(recordings[0].sensors, steady, strict=True) if not is_steady]
    chosen = [recording.with_sensors(steady) for recording in recordings]
    normal = read(NORMAL_ONLY).with_sensors(steady)
    results = {}
    for name, make in _detectors(len(chosen[0].sensors)).items():
        results[name] = judged(make, chosen, normal)
        print(f"{name}: F1 {results[name].figures()[0]:.3f}", flush=True)
    champion = results[CHAMPION]
    tables = [
        _table(_with_best_sensor(results), dropped, len(recordings)),
        _faults(champion, chosen),
        robustness(PcaDetector, champion.threshold, chosen, normal),
    ]
    rival = results["lstm_autoencoder"]
    figures = {
        "skab_curves": skab_plots.curves({name: found.trials for name, found in results.items()}),
        "skab_scores": skab_plots.scores_over_time(chosen, champion.trials, champion.threshold, CHAMPION),
        "skab_scores_lstm": skab_plots.scores_over_time(chosen, rival.trials, rival.threshold, "lstm_autoencoder"),
    }
    return tables, figures


def judged(make: Callable[[], Detector], recordings: list[Recording], normal: Recording) -> Result:
    """Teach and judge a detector on every recording, with the threshold that the normal recording gives."""
    threshold = threshold_of(make, normal)
    return Result.of([try_out(make, recording) for recording in recordings], threshold)


def _detectors(sensor_count: int) -> dict[str, Callable[[], Detector]]:
    return {
        "pca": PcaDetector,
        "lstm_autoencoder": lambda: LstmAutoencoderDetector(EPOCHS),
        "isolation_forest": IsolationForestDetector,
        "random": RandomDetector,
        "always_on": AlwaysOnDetector,
        **{f"sensor {sensor}": partial(SingleSensorDetector, sensor) for sensor in range(sensor_count)},
    }


def _with_best_sensor(results: dict[str, Result]) -> dict[str, Result]:
    """Of the single-sensor rules only the best, chosen with hindsight: the hardest that a rule can be to beat."""
    single = {name: found for name, found in results.items() if name.startswith("sensor ")}
    best = max(single, key=lambda name: single[name].figures()[0])
    return {name: found for name, found in results.items() if name not in single} | {"best single sensor": single[best]}


def _table(results: dict[str, Result], dropped: list[str], count: int) -> Table:
    table = Table(title=f"SKAB, {count} files, causal, by row, no point adjustment; left out: {', '.join(dropped)}")
    for column in ("", "F1 [95 %]", "FAR %", "MAR %", "VUS-PR [95 %]", "found", "median s to detect"):
        table.add_column(column, justify="left" if not column else "right")
    for name, found in results.items():
        (score, false_alarms, missed, vus), delays = found.figures(), found.delays()
        caught = delays[~np.isnan(delays)]
        table.add_row(
            name,
            f"{score:.3f} {_interval(found.confusions, pooled(f1))}",
            f"{100 * false_alarms:.1f}",
            f"{100 * missed:.1f}",
            f"{vus:.3f} {_interval(found.vus)}",
            f"{len(caught)}/{len(delays)}",
            f"{np.median(caught):.0f}" if len(caught) else "-",
        )
    table.add_row("target (stretch)", ">= 0.80 (0.83)", "<= 10", "", ">= 0.90 (0.92)")
    for row in PUBLISHED:
        table.add_row(*row)
    return table


def _interval(values: FloatArray | IntArray, statistic: Callable[..., FloatArray] = mean_over_groups) -> str:
    low, high = bootstrap_interval(values, np.random.default_rng(BOOTSTRAP_SEED), statistic=statistic)
    return f"[{low:.2f}, {high:.2f}]"


def _faults(found: Result, recordings: list[Recording]) -> Table:
    table = Table(title=f"{CHAMPION}, fault by fault")
    for column in ("file", "F1", "FAR %", "MAR %", "VUS-PR", "s to detect"):
        table.add_column(column, justify="left" if column == "file" else "right")
    for recording, trial, counts, vus in zip(recordings, found.trials, found.confusions, found.vus, strict=True):
        delays = steps_to_detect(trial.is_anomaly, trial.scores > found.threshold)
        table.add_row(
            recording.name,
            f"{float(f1(counts)):.2f}",
            f"{100 * float(false_alarm_rate(counts)):.1f}",
            f"{100 * float(missed_alarm_rate(counts)):.1f}",
            f"{vus:.3f}",
            ", ".join("missed" if np.isnan(delay) else f"{delay:.0f}" for delay in delays),
        )
    return table
