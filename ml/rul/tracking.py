"""Trainings of remaining life in MLflow: figures, plots, the model as plain files, and back. It decides nothing.

MLflow is imported where it is used: it takes seconds, and importing `ml` must stay light.
"""

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml.arrays import FloatArray
from ml.rul import plots
from ml.rul.cross_fit import CrossFit
from ml.rul.histories import Samples
from ml.rul.model import RemainingLifeModel
from ml.rul.protocol import Forecast
from ml.tracking import EXAMPLE_WINDOWS, MODEL_ARTIFACT, MODEL_FILES

PREFIX: Final = "rul-"
"""Of registered models: the equipment class follows."""

PYFUNC_SCRIPT = Path(__file__).with_name("pyfunc_model.py")
CODE = Path(__file__).parents[1]
"""Stored with the model, so that it forecasts where nothing of ours is installed."""

NEEDED_TO_LOAD = ("numpy", "pandas", "torch")
OUTPUTS = ("expected", "lower", "upper")
PLOTTED = 300
"""Points of a picture; more would hide one another."""


def log_training(
    samples: Samples,
    fits: Mapping[str, CrossFit],
    figures: Mapping[str, Mapping[str, float]],
    params: Mapping[str, Any],
) -> None:
    """Record in the open run how each estimator does on held-out equipment, with two pictures each."""
    import mlflow

    mlflow.log_params(dict(params))
    owner = int(np.argmax(np.bincount(samples.owner)))
    mine, some = samples.owner == owner, np.linspace(0, len(samples.age) - 1, PLOTTED).astype(int)
    for kind, fit in fits.items():
        mlflow.log_metrics({f"{kind}_{name}": value for name, value in figures[kind].items()})
        scatter = plots.predicted_over_true(_part(fit.held_out, some), samples.remaining[some], "steps")
        mlflow.log_figure(scatter, f"{kind}_predicted_over_true.png")
        one = plots.course(_part(fit.held_out, mine), samples.remaining[mine], samples.owners[owner], "steps")
        mlflow.log_figure(one, f"{kind}_course.png")


def log_model(model: RemainingLifeModel, samples: Samples) -> str:
    """Store the model in the open run, as a pyfunc made of plain files; returns its URI."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    shape = (-1, model.window_steps, len(model.sensors) + 1)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), shape)]),
        outputs=Schema([ColSpec("double", name) for name in OUTPUTS]),
    )
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / MODEL_FILES
        model.save(files)
        info: Any = mlflow.pyfunc.log_model(
            name=MODEL_ARTIFACT,
            python_model=str(PYFUNC_SCRIPT),
            artifacts={MODEL_FILES: str(files)},
            code_paths=[str(CODE)],
            signature=signature,
            input_example=_with_age(samples.windows[-EXAMPLE_WINDOWS:], samples.age[-EXAMPLE_WINDOWS:]),
            pip_requirements=[f"{package}=={version(package)}" for package in NEEDED_TO_LOAD],
        )
    return str(info.model_uri)


def load(name: str, version: int) -> RemainingLifeModel:
    """Load a registered version; `ml.tracking.connect` must have been called in this process."""
    import mlflow

    model: RemainingLifeModel = mlflow.pyfunc.load_model(f"models:/{name}/{version}").unwrap_python_model().model
    return model


def _part(forecast: Forecast, chosen: Any) -> Forecast:
    return Forecast(*(getattr(forecast, name)[chosen] for name in OUTPUTS))


def _with_age(windows: FloatArray, age: FloatArray) -> FloatArray:
    """Windows with the age as one more channel, as the pyfunc takes them, shape (window, time, sensor + 1)."""
    lived = np.repeat(age[:, None, None], windows.shape[1], axis=1)
    return np.concatenate([windows, lived], axis=2).astype(np.float32)
