"""The life of a model as an ML engineer sees it: recorded, locked, loaded elsewhere, replaced, rolled back."""

import csv
import io
import subprocess
import sys
import sysconfig
from datetime import timedelta
from uuid import uuid4

import mlflow
import numpy as np
import pytest
from typer.testing import CliRunner

from ml import promotions, registry, tracking
from ml.__main__ import app
from ml.cause import Cause
from ml.dataset import read_training_data
from ml.errors import NotEnoughData, NothingToRollBackTo, TrackingUnavailable
from ml.faults import KINDS
from ml.rollback import roll_back
from ml.score import score_range
from ml.settings import MlSettings
from ml.train import train

READ = {"grid_s": None, "history_days": 28.0, "max_windows": 4_000}

LOAD_ELSEWHERE = """
import importlib.util, sys
sys.path.append(sys.argv[1])  # without the .pth files that put our code on the path
assert all(importlib.util.find_spec(name) is None for name in ("ml", "warehouse", "ingestion_api"))
import mlflow, numpy
mlflow.set_tracking_uri(sys.argv[2])
model = mlflow.pyfunc.load_model(sys.argv[3])
for count in (1, 2, 37):
    rising = 50.0 + numpy.arange(30, dtype=numpy.float32)[None, :, None]  # a sensor that stands still would not count
    judged = model.predict(numpy.broadcast_to(rising, (count, 30, 4)))
    assert list(judged.columns) == ["score", "is_anomaly", "probability", "confidence"], judged
    print(len(judged), judged.is_anomaly.all())
assert not {"ml", "torch", "sklearn"} & set(sys.modules)
"""


def test_what_a_training_did_is_in_mlflow(plant, ml_settings) -> None:
    """DESIGN 1: which run, why, on which data, and how it compares."""
    dagster_url = "http://dagster.example/runs/run-1"
    outcome = train(
        plant.engine,
        plant.equipment_class,
        Cause(trigger="manual", dagster_run_id="run-1", dagster_url=dagster_url),
        settings=ml_settings,
    )
    client = tracking.connect(ml_settings)
    candidate = client.get_run(outcome.mlflow_run_id)
    training = client.get_run(candidate.data.tags["mlflow.parentRunId"])
    assert client.get_experiment(training.info.experiment_id).name == plant.equipment_class
    assert training.info.status == candidate.info.status == "FINISHED"
    assert (
        training.data.tags.items()
        >= {
            "trigger": "manual",
            "dagster_run_id": "run-1",
            "dagster_url": dagster_url,
            "mlflow.note.content": f"[Dagster run]({dagster_url})",
            "decision": "promoted",
            "reason": outcome.reason,
            "model_version": "1",
        }.items()
    )
    assert {"git_commit", "version.torch", "version.mlflow"} <= training.data.tags.keys()
    with plant.engine.connect() as connection:
        data = read_training_data(connection, plant.equipment_class, **READ)
    assert (
        training.data.params.items()
        >= {
            "data_sha256": data.sha256,
            "data_from": plant.start.isoformat(),
            "data_until": (plant.end - timedelta(minutes=1)).isoformat(),
            "grid_s": "60.0",
            "window_steps": "30",
            "seed": "7",
            "as_of": training.data.params["as_of"],
            "sensors": "bearing_temperature,flow,motor_current,vibration",
        }.items()
    )
    run_page, experiment_page = tracking.page_of(outcome.mlflow_run_id, "http://mlflow.example")
    assert experiment_page == f"http://mlflow.example/#/experiments/{training.info.experiment_id}"
    assert run_page == f"{experiment_page}/runs/{candidate.info.run_id}"
    assert candidate.data.metrics["vus_pr"] == pytest.approx(outcome.metrics["vus_pr"])
    expected = {"vus_pr_low", "f1_high", "missed_alarm_rate", "detected", "expected_calibration_error"}
    assert expected <= candidate.data.metrics.keys()
    plots = {"scores.png", "scores_over_time.png", "reliability.png", "faults.csv"}
    assert {found.path for found in client.list_artifacts(candidate.info.run_id)} >= plots
    plots = {"precision_recall.png", "roc.png", "environment.txt"}
    assert {found.path for found in client.list_artifacts(training.info.run_id)} >= plots
    assert "numpy==" in mlflow.artifacts.load_text(f"runs:/{training.info.run_id}/environment.txt")
    faults = list(csv.DictReader(io.StringIO(mlflow.artifacts.load_text(f"runs:/{candidate.info.run_id}/faults.csv"))))
    assert {fault["equipment"] for fault in faults} <= set(plant.pumps)
    assert {fault["kind"] for fault in faults} == set(KINDS)
    assert [fault["delay_steps"] != "" for fault in faults] == [fault["is_detected"] == "True" for fault in faults]
    siblings = client.search_runs(
        [training.info.experiment_id], f"tags.`mlflow.parentRunId` = '{training.info.run_id}'"
    )
    assert sorted(run.info.run_name for run in siblings) == ["isolation_forest", "lstm_autoencoder", "pca"]
    autoencoder = next(run for run in siblings if run.info.run_name == "lstm_autoencoder")
    assert len(client.get_metric_history(autoencoder.info.run_id, "validation_loss")) == 2

    version = client.get_model_version(plant.model_name, "1")
    assert version.aliases == ["champion"]
    assert version.tags["data_sha256"] == data.sha256
    # Issue 5: as pyfunc, in a process that has none of our code on its path, at any number of windows.
    arguments = sysconfig.get_path("purelib"), ml_settings.tracking_uri, f"models:/{plant.model_name}@champion"
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOAD_ELSEWHERE, *arguments], capture_output=True, text=True
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == ["1", "True", "2", "True", "37", "True"]


def test_the_next_training_ends_the_run_of_one_whose_process_died(ml_settings) -> None:
    """Of the same model only: the other model of the class may be in training."""
    client = tracking.connect(ml_settings)
    equipment_class = f"kettle-{uuid4().hex[:8]}"
    experiment = client.create_experiment(equipment_class)
    died = client.create_run(experiment, tags={"model_name": f"anomaly-{equipment_class}"}).info.run_id
    candidate = client.create_run(experiment, tags={"mlflow.parentRunId": died}).info.run_id
    other = client.create_run(experiment, tags={"model_name": f"rul-{equipment_class}"}).info.run_id
    with tracking.training_run(equipment_class, f"anomaly-{equipment_class}", Cause(trigger="manual")) as run:
        statuses = [client.get_run(run_id).info.status for run_id in (died, candidate, other, run)]
    assert statuses == ["KILLED", "KILLED", "RUNNING", "RUNNING"]


def test_the_same_readings_have_the_same_digest_and_others_another(plant) -> None:
    def digest() -> str:
        with plant.engine.connect() as connection:
            return read_training_data(connection, plant.equipment_class, **READ).sha256

    first = digest()
    plant.execute("create table shuffled as select * from marts.features_equipment_readings order by random()")
    plant.execute("truncate marts.features_equipment_readings")
    plant.execute("insert into marts.features_equipment_readings select * from shuffled")
    assert digest() == first
    plant.execute(
        "update marts.features_equipment_readings set value = value + 1e-9"
        " where equipment_code = 'P4' and metric = 'flow' and event_time = :at",
        at=plant.start + timedelta(hours=5),
    )
    assert digest() != first


def test_the_grid_and_the_sensors_are_taken_from_the_data(empty_plant) -> None:
    """C27: the median interval; a sensor that reports once an hour would break every window and is left out."""
    plant, chance = empty_plant, np.random.default_rng(2)
    for pump in ("P1", "P2"):
        plant.register(pump)
        for sensor in ("pressure", "flow"):
            plant.add(pump, sensor, plant.start, chance.normal(size=6_000), step_s=10)
        plant.add(pump, "oil_level", plant.start, chance.normal(size=16), step_s=3_600)
    with plant.engine.connect() as connection:
        data = read_training_data(connection, plant.equipment_class, **READ | {"max_windows": 2_000})
    assert (data.grid_s, data.sensors, data.stride) == (10.0, ("flow", "pressure"), 6)
    assert 1_000 < sum(len(part.windows) for part in (data.fit, data.held_out)) <= 0.6 * 2_000
    assert 1_500 < sum(len(stretch.ends) for stretch in data.later) <= 2_000
    with plant.engine.connect() as connection, pytest.raises(NotEnoughData, match="MILLRACE_ML_GRID_S"):
        read_training_data(connection, plant.equipment_class, **READ | {"grid_s": 0.5})


def test_too_little_history_is_said_in_a_sentence(empty_plant, ml_settings) -> None:
    with pytest.raises(NotEnoughData, match="There is no good reading of equipment class"):
        train(empty_plant.engine, empty_plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    empty_plant.register("P1")
    empty_plant.add("P1", "flow", empty_plant.start, np.arange(100.0))
    with pytest.raises(NotEnoughData, match="complete windows in part 'fit' of its history, 200 are needed"):
        train(empty_plant.engine, empty_plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    assert promotions.history(empty_plant.engine, empty_plant.model_name) == []


TRAIN_ELSEWHERE = """
import sys, mlflow, torch
from ml.cause import Cause
from ml.errors import TrainingInProgress
from ml.settings import MlSettings
from ml.train import train
from warehouse.engine import create_engine
print("ready", flush=True)
sys.stdin.readline()
try:
    settings = MlSettings(tracking_uri=sys.argv[2], epochs=1, max_windows=2_000)
    print(train(create_engine(sys.argv[1]), sys.argv[3], Cause(trigger="manual"), settings=settings).outcome)
except TrainingInProgress as error:
    print("gives way:", error)
"""


def test_of_two_promotions_at_once_one_wins_and_the_other_says_so(plant, warehouse_url: str, ml_settings) -> None:
    """Issue 5, in two processes that wait for each other before they start."""
    arguments = [warehouse_url, ml_settings.tracking_uri, plant.equipment_class]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN_ELSEWHERE, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sorted(process.communicate(timeout=300)[0].strip() for process in both) == [
        f"gives way: Another training, promotion or rollback of {plant.model_name} is running; this one gives way. "
        "Start it again later.",
        "promoted",
    ]
    assert [made.challenger_version for made in promotions.history(plant.engine, plant.model_name)] == [1]
    with promotions.deciding(plant.engine, plant.model_name):
        pass


def test_without_mlflow_nothing_is_decided(plant, free_port: int) -> None:
    nowhere = MlSettings(tracking_uri=f"http://127.0.0.1:{free_port}")
    with pytest.raises(TrackingUnavailable, match="does not answer: start it with `make up`"):
        train(plant.engine, plant.equipment_class, Cause(trigger="manual"), settings=nowhere)
    assert promotions.history(plant.engine, plant.model_name) == []


def test_a_new_champion_and_the_way_back(plant, ml_settings) -> None:
    """A champion that cannot read the present sensors is replaced; rolling back restores it and scores with it."""
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    with pytest.raises(NothingToRollBackTo):
        roll_back(plant.engine, plant.equipment_class, reason="a try", settings=ml_settings)
    plant.execute("update marts.features_equipment_readings set metric = 'flow_rate' where metric = 'flow'")
    second = train(plant.engine, plant.equipment_class, Cause(trigger="schedule"), settings=ml_settings)
    assert second.is_promoted
    assert "version 1: The model reads flow, which the data do not have" in second.reason
    assert _champion(plant, ml_settings) == 2

    decision = roll_back(plant.engine, plant.equipment_class, reason="too many alarms", settings=ml_settings)
    assert (decision.challenger_version, decision.champion_version, decision.trigger) == (1, 2, "rollback")
    assert _champion(plant, ml_settings) == 1
    ledger = promotions.history(plant.engine, plant.model_name)
    assert [(row.challenger_version, row.is_promoted, row.trigger) for row in ledger] == [
        (1, True, "initial"),
        (2, True, "schedule"),
        (1, True, "rollback"),
    ]
    assert ledger[-1].reason == "too many alarms"
    with pytest.raises(NothingToRollBackTo):
        roll_back(plant.engine, plant.equipment_class, reason="once more", settings=ml_settings)

    plant.execute("update marts.features_equipment_readings set metric = 'flow' where metric = 'flow_rate'")
    summary = score_range(plant.engine, plant.start, plant.start + timedelta(hours=1), settings=ml_settings)
    assert summary.models == {plant.model_name: 1}
    assert summary.window_count > 0


def _champion(plant, settings: MlSettings) -> int | None:
    found = registry.champion(plant.equipment_class, settings)
    return found and found.version


def test_the_command_line_tells_people(plant, warehouse_url: str, ml_settings, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", warehouse_url)
    monkeypatch.setenv("MILLRACE_ML_TRACKING_URI", ml_settings.tracking_uri)
    monkeypatch.setenv("MILLRACE_ML_EPOCHS", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def said(*arguments: str) -> str:
        return CliRunner().invoke(app, arguments).output

    assert f"{plant.model_name} v1: promoted. It is the first champion" in said("train", plant.equipment_class)
    hours = f"{plant.start:%Y-%m-%dT%H:%M:%S}", f"{plant.start + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    assert "of 5 machines" in said("score", *hours)
    plant.execute(
        "insert into ml.drift_episodes values"
        " ('edge:1', 'edge_classifier', 'demo', :cls, '2026-03-03 06:00Z', 'warning', 0.93, 0.82, 90, null)"
    )
    shown = said("status")
    assert "drift since 2026-03-03 06:00 UTC: edge_classifier at demo, 0.93 to 0.82 (warning)" in shown
    assert plant.model_name in shown
    assert "It is the first champion" in shown
    assert said("rollback", plant.equipment_class).strip() == (
        f"millrace: {plant.model_name} has no champion before the present one, so there is no way back."
    )


def test_connecting_leaves_no_telemetry_on(ml_settings) -> None:
    tracking.connect(ml_settings)
    assert mlflow.get_tracking_uri() == ml_settings.tracking_uri
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()
