"""Pictures of remaining-life forecasts, for MLflow and the benchmark. Figures of merit belong to `ml.rul.metrics`."""

from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import FloatArray
from ml.rul.protocol import Forecast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE_INCHES = (7.0, 4.5)


def predicted_over_true(forecast: Forecast, truth: FloatArray, unit: str) -> "Figure":
    """Each forecast with its interval over the truth.

    Args:
        forecast: Shape (window,) each.
        truth: Shape (window,), not capped.
        unit: Of both, such as cycles.
    """
    from matplotlib.figure import Figure

    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    reach = [forecast.expected - forecast.lower, forecast.upper - forecast.expected]
    axes.errorbar(truth, forecast.expected, yerr=reach, fmt="o", markersize=3, linewidth=0.6, label="90 % interval")
    axes.plot([0, truth.max()], [0, truth.max()], color="black", linestyle="--", label="exact")
    axes.set(xlabel=f"true remaining life, {unit}", ylabel=f"forecast, {unit}")
    axes.legend()
    return figure


def course(forecast: Forecast, truth: FloatArray, owner: str, unit: str) -> "Figure":
    """How the forecast of one life went, step by step.

    Args:
        forecast: Of each step, in order, shape (step,).
        truth: Shape (step,).
        owner: The equipment, for the title.
        unit: Of a step, such as cycles.
    """
    from matplotlib.figure import Figure

    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    steps = np.arange(len(truth))
    axes.fill_between(steps, forecast.lower, forecast.upper, alpha=0.25, label="90 % interval")
    axes.plot(steps, forecast.expected, label="forecast")
    axes.plot(steps, truth, color="black", linestyle="--", label="truth")
    axes.set(xlabel=f"age, {unit}", ylabel=f"remaining life, {unit}", title=owner)
    axes.legend()
    return figure
