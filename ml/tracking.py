"""Records trainings in MLflow: one run for the training, below it one for each candidate. Aliases belong to `registry`.

MLflow is imported where it is used: it takes seconds, and importing `ml` must stay light.
"""

import csv
import io
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml import plots, served_model
from ml.arrays import BoolArray
from ml.candidates import Candidate
from ml.cause import Cause
from ml.dataset import TrainingData
from ml.errors import TrackingUnavailable
from ml.evaluate import Evaluation, TestScores
from ml.faults import inject
from ml.promotions import Decision
from ml.provenance import code_version, environment
from ml.settings import MlSettings
from ml.windows import WINDOW_STEPS

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

PYFUNC_SCRIPT = Path(__file__).with_name("pyfunc_model.py")
MODEL_ARTIFACT = "model"
MODEL_FILES = "model"  # as the script calls them
OUTPUTS = {"score": "double", "is_anomaly": "boolean", "probability": "double", "confidence": "double"}
LIBRARIES = ("numpy", "torch", "scikit-learn", "mlflow", "onnx", "onnxruntime")
NEEDED_TO_LOAD = ("numpy", "onnxruntime", "pandas")
EXAMPLE_WINDOWS = 2  # an example of one window would fix the number of windows a model accepts
DESCRIPTION_TAG = "mlflow.note.content"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # The default retries for minutes before it says that nobody answers.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}


def connect(settings: MlSettings) -> "MlflowClient":
    """Point MLflow at its server, for this process.

    Raises:
        TrackingUnavailable: The server does not answer.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.tracking_uri)
    client = mlflow.MlflowClient(settings.tracking_uri, settings.tracking_uri)
    try:
        client.search_experiments(max_results=1)
    except MlflowException as error:
        raise TrackingUnavailable(
            f"MLflow at {settings.tracking_uri} does not answer: start it with `make up`, or set "
            f"MILLRACE_ML_TRACKING_URI to where it is. ({error})"
        ) from error
    return client


@contextmanager
def training_run(equipment_class: str, model_name: str, cause: Cause) -> Iterator[str]:
    """Open the run of a training, in the experiment of its equipment class, with its environment; yields its id.

    A training that raises leaves a run marked as failed. One whose process died left its run as running: the next
    training of the model, which nobody else trains now, marks it as killed.

    Args:
        equipment_class: Names the experiment.
        model_name: Of the registered model.
        cause: Why it is trained; tags say so, and the run's page links the Dagster run.
    """
    import mlflow

    experiment = mlflow.set_experiment(equipment_class)
    _end_orphans(experiment.experiment_id, model_name)
    link = f"[Dagster run]({cause.dagster_url})" if cause.dagster_url else None
    about = {"model_name": model_name, **vars(cause), "git_commit": code_version(), DESCRIPTION_TAG: link}
    tags = {key: value for key, value in about.items() if value is not None}
    tags |= {f"version.{library}": version(library) for library in LIBRARIES}
    name = f"{model_name} {cause.trigger}"
    with mlflow.start_run(experiment_id=experiment.experiment_id, run_name=name, tags=tags) as run:
        mlflow.log_text(environment(), "environment.txt")
        yield run.info.run_id


def _end_orphans(experiment_id: str, model_name: str) -> None:
    """Mark the runs of trainings that died, and their candidates' runs."""
    import mlflow

    client = mlflow.MlflowClient()
    running = client.search_runs([experiment_id], "attributes.status = 'RUNNING'")
    dead = {run.info.run_id for run in running if run.data.tags.get("model_name") == model_name}
    for run in running:
        if not dead.isdisjoint({run.info.run_id, run.data.tags.get("mlflow.parentRunId")}):
            client.set_terminated(run.info.run_id, "KILLED")


def page_of(run_id: str, base_url: str) -> tuple[str, str]:
    """Addresses of a run and of its experiment, as a browser reaches MLflow at `base_url`."""
    import mlflow

    experiment = f"{base_url}/#/experiments/{mlflow.get_run(run_id).info.experiment_id}"
    return f"{experiment}/runs/{run_id}", experiment


def log_data(data: TrainingData, settings: MlSettings) -> None:
    """Record in the open run what it was trained on, and with which settings."""
    import mlflow

    mlflow.log_params(
        {
            "data_sha256": data.sha256,
            "data_from": data.started_at.isoformat(),
            "data_until": data.ended_at.isoformat(),
            "as_of": data.as_of.isoformat(),
            "equipment_count": len(data.equipment),
            "reading_count": data.reading_count,
            "sensors": ",".join(data.sensors),
            "sensors_left_out": ",".join(data.left_out),
            "grid_s": data.grid_s,
            "window_steps": WINDOW_STEPS,
            "stride": data.stride,
            "windows_fit": len(data.fit.windows),
            "windows_trimmed": data.trimmed_count,
            "windows_held_out": len(data.held_out.windows),
            "windows_later": sum(len(stretch.ends) for stretch in data.later),
            "stretches_later": len(data.later),
            "seed": settings.seed,
            "threshold_percentile": settings.threshold_percentile,
            "false_alarm_cap": settings.false_alarm_cap,
            "shadow_h": settings.shadow_h,
        }
    )


def log_candidate(candidate: Candidate, data: TrainingData, is_anomaly: BoolArray) -> str:
    """Record a candidate in a run below the open one: figures, curves, plots, every fault; returns the run's id.

    Args:
        candidate: Fitted and evaluated.
        data: What it was trained on.
        is_anomaly: Truth about the windows it was evaluated on, shape (window,).
    """
    import mlflow
    from mlflow.entities import Metric

    detector, threshold = candidate.model.detector, candidate.model.threshold
    with mlflow.start_run(run_name=detector.name, nested=True) as run:
        mlflow.log_params({"detector": detector.name, "data_sha256": data.sha256, **detector.params})
        mlflow.log_metrics(candidate.figures())
        now_ms = time.time_ns() // 1_000_000
        losses = [
            Metric(curve, value, now_ms, epoch)
            for curve, values in candidate.curves.items()
            for epoch, value in enumerate(values)
        ]
        mlflow.MlflowClient().log_batch(run.info.run_id, metrics=losses)
        mlflow.log_figure(plots.score_histogram(candidate.scores, is_anomaly, threshold), "scores.png")
        mlflow.log_figure(plots.scores_over_time(candidate.scores, is_anomaly, threshold), "scores_over_time.png")
        if candidate.reliability:
            mlflow.log_figure(plots.reliability(candidate.reliability), "reliability.png")
        mlflow.log_text(_fault_table(candidate, data), "faults.csv")
        run_id: str = run.info.run_id
    return run_id


def _fault_table(candidate: Candidate, data: TrainingData) -> str:
    """Every injected fault and how it was found, as CSV; an empty delay is a fault that was missed."""
    columns = candidate.evaluation.fault_table()
    columns["equipment"] = [data.equipment[index].equipment_code for index in columns["equipment"]]
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return lines.getvalue()


def log_model(candidate: Candidate, run_id: str, data: TrainingData) -> str:
    """Store a candidate's model in its run, as a pyfunc made of plain files.

    Args:
        candidate: Fitted and evaluated.
        run_id: The candidate's run.
        data: What it was trained on; graph and model must agree on its held-out windows, sound and with faults.

    Returns:
        The model's URI.

    Raises:
        GraphDisagrees: The graph does not say what the model says; nothing is stored.
    """
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, WINDOW_STEPS, len(data.sensors)))]),
        outputs=Schema([ColSpec(kind, name) for name, kind in OUTPUTS.items()]),
    )
    windows = data.held_out.windows
    faulty, _ = inject(windows, data.spread, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id, nested=True):
        files = Path(folder) / MODEL_FILES
        served_model.store(candidate.model, files, np.concatenate([windows, faulty]))
        info: Any = mlflow.pyfunc.log_model(
            name=MODEL_ARTIFACT,
            python_model=str(PYFUNC_SCRIPT),
            artifacts={MODEL_FILES: str(files)},
            signature=signature,
            input_example=data.held_out.windows[:EXAMPLE_WINDOWS],
            pip_requirements=[f"{package}=={version(package)}" for package in NEEDED_TO_LOAD],
        )
    return str(info.model_uri)


def log_comparison(
    scores: Mapping[str, TestScores], is_anomaly: BoolArray, baselines: Mapping[str, Evaluation]
) -> None:
    """Record in the open run how all detectors do on the same windows.

    Args:
        scores: By detector, naive ones among them.
        is_anomaly: Truth, shape (window,).
        baselines: Evaluations of the naive detectors.
    """
    import mlflow

    figures = {name: found.figures() for name, found in baselines.items()}
    mlflow.log_metrics({f"{name}_{figure}": own[figure] for name, own in figures.items() for figure in own})
    mlflow.log_figure(plots.precision_recall(scores, is_anomaly), "precision_recall.png")
    mlflow.log_figure(plots.roc(scores, is_anomaly), "roc.png")


def log_decision(client: "MlflowClient", decision: Decision) -> None:
    """Write a decision where an ML engineer looks for it: on the training's run and on the model version."""
    from mlflow.entities import RunTag

    name, number = decision.model_name, str(decision.challenger_version)
    words = decision.outcome.in_words
    # A candidate's run lies in the training's; models of remaining life have no candidates' runs.
    parent = client.get_run(decision.mlflow_run_id).data.tags.get("mlflow.parentRunId", decision.mlflow_run_id)
    tags = {"decision": words, "reason": decision.reason, "model_version": number}
    client.log_batch(parent, tags=[RunTag(key, value) for key, value in tags.items()])
    client.set_model_version_tag(name, number, "decision", words)
    client.update_model_version(name, number, description=f"{words.capitalize()}. {decision.reason}")
