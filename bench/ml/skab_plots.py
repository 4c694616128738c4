"""Pictures of the detectors on SKAB. The figures they show are worked out in `skab`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.ml.skab_files import Recording
from bench.ml.skab_protocol import TRAINING_ROWS, Trial
from ml.metrics import operating_points
from ml.plots import marker_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS: Final = 4
LEAST: Final = 1e-2


def curves(trials: Mapping[str, Sequence[Trial]]) -> "Figure":
    """Precision over recall and found over false alarms of several detectors, all rows pooled."""
    from matplotlib.figure import Figure

    figure = Figure((12, 5), layout="constrained")
    precision_axes, roc_axes = figure.subplots(1, 2)
    for name, own in trials.items():
        scores = np.concatenate([trial.scores for trial in own])
        hits, false_alarms = operating_points(np.concatenate([trial.is_anomaly for trial in own]), scores)
        recall, rate = hits / max(hits[-1], 1), false_alarms / max(false_alarms[-1], 1)
        style = {"linewidth": 0.8, "alpha": 0.6} if name.startswith("sensor ") else {}
        precision_axes.plot(recall, hits / (hits + false_alarms), marker=marker_of(hits), label=name, **style)
        roc_axes.plot(np.append(0, rate), np.append(0, recall), label=name, **style)
    precision_axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.05))
    roc_axes.set(xlabel="false alarms", ylabel="recall")
    roc_axes.legend(fontsize="small")
    return figure


def scores_over_time(recordings: Sequence[Recording], trials: Sequence[Trial], threshold: float, name: str) -> "Figure":
    """Scores of each recording against its threshold, with the labelled fault behind them."""
    from matplotlib.figure import Figure

    rows = -(-len(recordings) // COLUMNS)
    figure = Figure((16, 2.2 * rows), layout="constrained")
    figure.suptitle(f"{name}: score in thresholds; shaded: labelled fault")
    for axes, recording, trial in zip(figure.subplots(rows, COLUMNS).ravel(), recordings, trials, strict=False):
        steps = np.arange(TRAINING_ROWS, TRAINING_ROWS + len(trial.scores))
        axes.semilogy(steps, np.maximum(trial.scores / threshold, LEAST), linewidth=0.8)
        axes.axhline(1.0, color="black", linestyle="--", linewidth=0.8)
        axes.fill_between(steps, 0, 1, where=trial.is_anomaly, transform=axes.get_xaxis_transform(), alpha=0.2)
        axes.set_title(recording.name, fontsize="small")
    return figure
