"""Remaining life on C-MAPSS FD001: both estimators and the naive one, judged once on the 100 test engines.

Everything about the models was chosen by cross-validation over the training engines (docs/remaining_life.md).
"""

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.table import Table

from bench.ml.cmapss import read
from ml.arrays import FloatArray
from ml.rul import plots
from ml.rul.boosting import BoostedTrees
from ml.rul.cross_fit import CrossFit, cross_fit
from ml.rul.histories import History, Samples, samples_of
from ml.rul.metrics import coverage, mean_width, nasa_score, rmse
from ml.rul.model import RemainingLifeModel
from ml.rul.naive import mean_life_minus_age
from ml.rul.protocol import Estimator, Forecast
from ml.rul.sensors import informative
from ml.rul.sequence.estimator import SequenceModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

CAP: Final = 125.0
WINDOW_CYCLES: Final = 60
FOLDS: Final = 5
SEEDS: Final = (7, 107)
KINDS: Final[dict[str, tuple["Callable[[], Estimator]", tuple[int, ...]]]] = {
    "sequence": (SequenceModel, SEEDS),
    "boosted_trees": (BoostedTrees, SEEDS[:1]),
}
TARGETS: Final = ("<= 12.5 (stretch 11.5)", "<= 220", "0.85-0.95")
PUBLISHED: Final = (
    # Test figures as their papers report them; most cap the truth too, which makes the task easier than ours.
    ("DCNN, Li et al. 2018", "12.61", "273.7"),
    ("LSTM, Zheng et al. 2017", "16.14", "338"),
)


def benchmark() -> tuple[list[Table], dict[str, "Figure"]]:
    """Fit, judge and draw.

    Raises:
        FileNotFoundError: The data are not there.
    """
    data = read()
    columns = informative(data.training)
    training, test = ([_only(history, columns) for history in part] for part in (data.training, data.test))
    samples = samples_of(training, WINDOW_CYCLES)
    table = _table()
    figures: dict[str, Figure] = {}
    age = np.array([float(len(history.values)) for history in test])
    naive = mean_life_minus_age(samples, age)
    table.add_row("naive: mean life minus age", f"{rmse(naive, data.remaining):.2f}",
                  f"{nasa_score(naive, data.remaining):,.0f}")  # fmt: skip
    for name, (make, seeds) in KINDS.items():
        started_at = time.perf_counter()
        found = cross_fit(samples, make, cap=CAP, fold_count=FOLDS, seeds=seeds, progress=_tell)
        took_s = time.perf_counter() - started_at
        sensors = tuple(str(column) for column in columns)
        model = RemainingLifeModel(sensors, 1.0, WINDOW_CYCLES, found.members, found.correction)
        forecast = model.predict_last(test)
        table.add_row(name, *_figures(forecast, data.remaining), *_held_out(found, samples), f"{took_s:,.0f} s")
        figures[f"rul_{name}"] = plots.predicted_over_true(forecast, data.remaining, "cycles")
        figures[f"rul_{name}_course"] = _course(found, samples)
    table.add_row("target", *TARGETS)
    for name, *published in PUBLISHED:
        table.add_row(f"published: {name}", *published)
    return [table], figures


def _table() -> Table:
    table = Table(title=f"C-MAPSS FD001, 100 test engines, truth not capped; forecasts capped at {CAP:g}")
    for column in ("", "RMSE", "NASA score", "coverage of 90 %", "width", "RMSE held out", "fitted in"):
        table.add_column(column, justify="left" if not column else "right")
    return table


def _only(history: History, columns: list[int]) -> History:
    return History(history.owner, history.values[:, columns], history.has_failed)


def _figures(found: Forecast, truth: FloatArray) -> tuple[str, ...]:
    return (
        f"{rmse(found.expected, truth):.2f}",
        f"{nasa_score(found.expected, truth):,.0f}",
        f"{coverage(found.lower, found.upper, truth):.2f}",
        f"{mean_width(found.lower, found.upper):.0f}",
    )


def _held_out(found: CrossFit, samples: Samples) -> tuple[str]:
    """Of the training engines, each by members that never saw it, where at most the cap is left."""
    near = samples.remaining <= CAP
    return (f"{rmse(found.held_out.expected[near], samples.remaining[near]):.2f}",)


def _course(found: CrossFit, samples: Samples) -> "Figure":
    """The held-out forecast of the training engine with the median life."""
    lives = np.bincount(samples.owner)
    engine = int(np.argsort(lives)[len(lives) // 2])
    mine = samples.owner == engine
    fields = (found.held_out.expected, found.held_out.lower, found.held_out.upper)
    own = Forecast(*(field[mine] for field in fields))
    return plots.course(own, samples.remaining[mine], f"training engine {samples.owners[engine]}, held out", "cycles")


def _tell(stage: str, share: float) -> None:
    print(f"{stage} {share:.0%}", flush=True)
