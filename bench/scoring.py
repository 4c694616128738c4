"""Judging by ONNX Runtime beside the naive loop, which asks the detector itself for one window after the other.

The loop is eager torch for the autoencoder (64/64 units, 30 steps, 10 sensors) and numpy for the others. Both are given
the same windows, in turn; windows a second are those of as many threads as there are cores, each with every
second window.
"""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from bench.models import fitted_models, windows_of_a_machine
from bench.report import Report, Row
from ml.anomaly_model import AnomalyModel
from ml.arrays import FloatArray
from ml.served_model import ServedModel

_WINDOWS = 16_384
_SINGLE = 400
_LOOPED = 200
_LEAST_PER_S = 10_000
_MOST_MS = 0.5
_LEAST_RATIO = 20


def measure_scoring(report: Report, rounds: int) -> None:
    """Windows per second, and how long one window takes."""
    import torch

    torch.set_num_threads(1)  # what a single window gives to a second thread costs more than it saves
    windows = windows_of_a_machine(_WINDOWS, seed=3)
    for model in fitted_models():
        served = ServedModel.of(model)
        fast, slow, single = [], [], []
        for _ in range(rounds):
            slow.append(_looped_per_s(model, windows[:_LOOPED]))
            fast.append(_batched_per_s(served, windows))
            single.append(_single_ms(served, windows[:_SINGLE]))
        name, is_judged = model.detector.name, model.detector.name == "lstm_autoencoder"
        best, loop, median_ms = max(fast), max(slow), min(single)
        ratio = statistics.median(a / b for a, b in zip(fast, slow, strict=True))
        for label, figures, result, wanted, is_reached in (
            ("batched", f"best of {rounds} rounds, {os.cpu_count()} threads", f"{best:,.0f} windows/s",
             f">= {_LEAST_PER_S:,}/s", best >= _LEAST_PER_S),
            ("batched : naive loop", f"{best:,.0f} : {loop:,.0f} windows/s", f"{ratio:.1f} x",
             f">= {_LEAST_RATIO} x", ratio >= _LEAST_RATIO),
            ("one window", "median, best round", f"{median_ms:.3f} ms", f"<= {_MOST_MS} ms", median_ms <= _MOST_MS),
        ):  # fmt: skip
            asked = (wanted, is_reached) if is_judged else ("", None)
            report.add(Row(f"scoring by {name}, {label}", figures, result, *asked))


def _batched_per_s(model: ServedModel, windows: FloatArray) -> float:
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(model.judge, [windows[one::threads] for one in range(threads)]))
        return len(windows) / (time.perf_counter() - started)


def _looped_per_s(model: AnomalyModel, windows: FloatArray) -> float:
    started = time.perf_counter()
    for one in range(len(windows)):
        model.judge(windows[one : one + 1])
    return len(windows) / (time.perf_counter() - started)


def _single_ms(model: ServedModel, windows: FloatArray) -> float:
    """Median over single windows."""
    times = []
    for one in range(len(windows)):
        started = time.perf_counter()
        model.judge(windows[one : one + 1])
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
