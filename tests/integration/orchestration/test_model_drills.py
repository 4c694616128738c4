"""Processes are killed (-9) in the middle of what makes models and what models make.

PostgreSQL is killed in a training, with the champion's alias moved and the ledger not written, and in a look for drift
at once; the code server in a scoring of history, a forecast and a summary of health at once; the process of a run in a
training of remaining life, in the scoring after a rollup and in the answer to a drift episode, with the ledger written
and MLflow's notes not. Loads,
reference models, rollups, daily KPIs and archiving: see test_drills.py. How: see drills.py.

Four pumps of four sensors that move together train a champion that passes the gate; ten engines wear out, and one runs.
The confidence of a camera sinks in the last four hours.
"""

import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.integration.orchestration.drills import (
    CODE_SERVER,
    POSTGRES,
    WORKER,
    Asked,
    Drills,
    before,
    databases,
    killable,
    server,
)
from tests.integration.orchestration.real_dagster import until
from warehouse.embedded import EmbeddedPostgres

__all__ = ["databases", "server"]
STEP, STEPS_AN_HOUR = timedelta(seconds=150), 24
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOUR, HOURS = timedelta(hours=1), 24
# The last hour comes later.
START = NOW - (HOURS + 1) * HOUR
PUMPS = ("P1", "P2", "P3", "P4")
# They stand by. A drift of the site's cameras is answered by the class that has most equipment.
SPARES = tuple(f"P{number}" for number in range(5, 13))
SENSORS = {"bearing_temperature": (72.0, 0.5), "flow": (145.0, 1.5), "current": (28.0, 0.4), "vibration": (2.8, 0.15)}
ENGINES = tuple(f"E{number:02}" for number in range(1, 12))
ENGINE_STEP = timedelta(minutes=5)
SETTINGS = {
    "MILLRACE_ML_EPOCHS": "2",
    "MILLRACE_ML_MAX_WINDOWS": "1000",
    "MILLRACE_ML_RUL_EPOCHS": "1",
    "MILLRACE_ML_RUL_STEP_S": str(ENGINE_STEP.total_seconds()),
    "MILLRACE_ML_RUL_WINDOW_STEPS": "6",
}
CHAMPION, FORECASTER = "anomaly-pump", "rul-engine"
# A decision waits when it is carried out and not committed yet.
WAIT_AT_COMMIT = """
    create function public.wait_at_commit() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock_shared(6); return null; end';
    create constraint trigger wait_at_commit after insert on ml.promotions deferrable initially deferred
        for each row execute function public.wait_at_commit();
"""
COMMIT = "select pg_advisory_lock(6)"
LAST_PUMP = f"select pg_advisory_lock(hashtextextended('ml.scores:{CHAMPION}:demo:{PUMPS[-1]}', 0))"
SCORES = (
    "select equipment_code, event_time, score, is_anomaly from ml.scores where model_version = :version order by 1, 2"
)


def pump_readings(start: datetime, hours: int, seed: int) -> Iterator[dict[str, object]]:
    """Readings of sensors that follow one load, a wave of three hours."""
    rng = np.random.default_rng(seed)
    times = [start + STEP * number for number in range(hours * STEPS_AN_HOUR)]
    for shift, pump in enumerate(PUMPS):
        load = [0.5 * np.sin(2 * np.pi * at.timestamp() / 10_800 + shift) for at in times]
        for metric, (level, spread) in SENSORS.items():
            for at, share, noise in zip(times, load, rng.standard_normal(len(times)), strict=True):
                value = level + spread * (share + 0.4 * noise)
                yield {"equipment_code": pump, "metric": metric, "event_time": at.isoformat(), "value": value}


def engine_items() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Readings of engines that get hot in their last steps, and the failures of all but the last one."""
    rng, start = np.random.default_rng(3), NOW - 8 * HOUR
    readings, downs = list[dict[str, object]](), list[dict[str, object]]()
    for number, engine in enumerate(ENGINES):
        life = 24 + 5 * number
        for step in range(life if engine != ENGINES[-1] else life // 2):
            at, item = (start + ENGINE_STEP * (step + 0.5)).isoformat(), {"equipment_code": engine}
            for metric, level in (("heat", 60.0), ("noise", 20.0)):
                value = level * (1 + np.exp((step - life) / 12)) + 0.2 * rng.standard_normal()
                readings.append(item | {"metric": metric, "event_time": at, "value": value})
        down = {"source_code": "PLC", "work_unit_code": f"U-{engine}", "event_type": "down", "duration_s": 600}
        downs.append(down | {"confidence": 0.95, "event_time": (start + ENGINE_STEP * life).isoformat()})
    return readings, downs[:-1]


def camera_events() -> Iterator[dict[str, object]]:
    """One every two minutes of twelve hours, less certain in its last four hours."""
    for minute in range(0, 12 * 60, 2):
        at = NOW - 12 * HOUR + timedelta(minutes=minute)
        item = {"source_code": "C1", "work_unit_code": "U1", "worker_code": "W1", "event_type": "working"}
        confidence = 0.95 if at < NOW - 4 * HOUR else 0.72
        yield item | {"event_time": at.isoformat(), "duration_s": 60, "confidence": confidence}


def of_mlflow(ask: str) -> Any:
    """Ask MLflow: `aliases` by model, or the statuses of the pumps' trainings, oldest first."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # of what MLflow imports
        from ml import tracking
        from ml.settings import MlSettings

        client = tracking.connect(MlSettings())
        if ask == "aliases":
            return {
                model.name: {alias: int(version) for alias, version in model.aliases.items()}
                for model in client.search_registered_models()
            }
        experiment = client.get_experiment_by_name("pump")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
        return [run.info.status for run in runs if "model_name" in run.data.tags]


@pytest.fixture(scope="module")
def drills(
    plant: Any,
    server: EmbeddedPostgres,
    databases: dict[str, str],
    module_ports: tuple[int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Drills]:
    """Loaded and rolled up, without a kill and without a model."""
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("workers", "W1", {})
    for unit in ("U1", *(f"U-{engine}" for engine in ENGINES)):
        plant.api.put("work_units", unit, {"name": unit})
    for pump in PUMPS + SPARES:
        plant.api.put("equipment", pump, {"name": pump, "equipment_class": "pump", "work_unit_code": "U1"})
    for engine in ENGINES:
        about = {"name": engine, "equipment_class": "engine", "work_unit_code": f"U-{engine}"}
        plant.api.put("equipment", engine, about)
    with killable(plant, server, module_ports[1], tmp_path_factory.mktemp("data"), **SETTINGS) as dagster:
        drills = Drills(plant, dagster, databases["warehouse"])
        readings, downs = engine_items()
        drills.send("readings", [*pump_readings(START, HOURS, seed=1), *readings])
        drills.send("events", [*camera_events(), *downs])
        for sensor, job in (
            ("on_new_batches", "load"),
            ("on_reference_changes", "reference"),
            ("on_touched_hours", "hourly_rollup"),
        ):
            drills.follow(sensor, job)
        with plant.engine.begin() as connection:
            connection.exec_driver_sql(WAIT_AT_COMMIT)
        yield drills


@pytest.fixture(scope="module")
def killed(drills: Drills) -> Drills:
    """Killed when the champion bears its alias and the ledger does not know it, and drift is found and not written."""
    plant = drills.plant
    assert "still coming in" in plant.tick("on_missing_champion").skip_message
    (training,) = plant.tick("on_missing_champion").run_requests
    (days,) = plant.tick("on_summarizable_hours").run_requests
    look = Asked(days, "daily_kpis", before("ml.drift_episodes"))
    drills.kill_in(POSTGRES, Asked(training, "training", COMMIT), look)
    assert of_mlflow("aliases") == {CHAMPION: {"champion": 1}}
    assert plant.rows("select count(*) from ml.promotions") == [(0,)]
    assert plant.rows("select count(*) from ml.drift_episodes") == [(0,)]
    return drills


@pytest.fixture(scope="module")
def trained(killed: Drills) -> Drills:
    """Trained again; and so is the engines' model, whose first training died before anything was decided."""
    killed.follow("on_missing_champion", "training")
    (request,) = killed.plant.at_the_hour("weekly_rul_training").run_requests
    killed.kill_in(WORKER, Asked(request, "rul_training", before("ml.promotions")))
    assert of_mlflow("aliases")[FORECASTER] == {}
    killed.follow("on_failed_clocked_run", "rul_training")
    return killed


@pytest.fixture(scope="module")
def summarized(trained: Drills) -> Drills:
    """The days are computed, so that nothing but the drift is looked at again."""
    assert "nothing is due" in trained.plant.tick("on_summarizable_hours").skip_message
    trained.follow("on_missed_drift_look", "drift_look")
    return trained


@pytest.fixture(scope="module")
def scored(summarized: Drills) -> Drills:
    """Killed when three pumps are scored and the fourth is not, no forecast is stored, and no health either."""
    plant = summarized.plant
    (scoring,) = plant.tick("on_promotion").run_requests
    (forecast,) = plant.at_the_hour("hourly_forecast").run_requests
    (health,) = plant.at_the_hour("half_hourly_equipment_health").run_requests
    summarized.kill_in(
        CODE_SERVER,
        Asked(scoring, "scoring", LAST_PUMP),
        Asked(forecast, "forecast", before("ml.remaining_life")),
        Asked(health, "equipment_health", "lock table marts.fct_alarms in access exclusive mode"),
    )
    assert plant.rows("select distinct equipment_code from ml.scores order by 1") == [(pump,) for pump in PUMPS[:-1]]
    assert plant.rows("select count(*) from ml.remaining_life") == [(0,)]
    summarized.follow("on_promotion", "scoring")
    # As the next half hour does.
    for schedule, job in (("hourly_forecast", "forecast"), ("half_hourly_equipment_health", "equipment_health")):
        (request,) = plant.at_the_hour(schedule).run_requests
        assert plant.run(request, job).success
    return summarized


def test_one_champion_of_each_kind_is_promoted_where_the_first_training_died(trained: Drills) -> None:
    decided = "select model_name, challenger_version, is_promoted, trigger from ml.promotions order by promotion_id"
    first, forecaster = trained.plant.rows(decided)
    assert (tuple(first), forecaster.model_name) == ((CHAMPION, 2, True, "initial"), FORECASTER)
    assert forecaster.is_promoted
    assert of_mlflow("aliases") == {CHAMPION: {"champion": 2}, FORECASTER: {"champion": 2}}
    assert of_mlflow("trainings") == ["FAILED", "FINISHED"]
    assert "pump" not in trained.plant.tick("on_missing_champion").skip_message


def test_drift_that_was_found_and_not_written_is_found_again(summarized: Drills) -> None:
    found = summarized.plant.rows("select stream, equipment_class, band from ml.drift_episodes")
    assert [tuple(row) for row in found] == [("edge_classifier", "pump", "critical")]
    assert summarized.plant.rows("select count(*) from ml.drift_explanations") == [(1,)]
    assert "was looked for" in summarized.plant.tick("on_missed_drift_look").skip_message


def test_history_is_scored_once(scored: Drills) -> None:
    assert_scored_once(scored, HOURS)
    assert "scored its history" in scored.plant.tick("on_promotion").skip_message


def test_each_running_engine_has_one_forecast_and_each_equipment_one_health(scored: Drills) -> None:
    assert scored.plant.rows("select equipment_code from ml.remaining_life") == [(ENGINES[-1],)]
    healths = scored.plant.rows("select equipment_code from marts.fct_equipment_health_summary order by 1")
    assert [code for (code,) in healths] == sorted(PUMPS + SPARES + ENGINES)


def test_hours_whose_scoring_died_after_their_rollup_are_scored_once(scored: Drills) -> None:
    scored.send("readings", list(pump_readings(NOW - HOUR, 1, seed=2)))
    scored.follow("on_new_batches", "load")
    scored.kill(WORKER, "hourly_rollup", LAST_PUMP, "on_touched_hours")
    # The hour of receipt is a run of its own where it is the next one by now.
    waiting = "select count(*) from raw.touched_hours where rolled_up_count < touch_count and hour < :now"
    assert scored.plant.rows(waiting, now=NOW) == [(0,)]
    scored.follow("on_unscored_hours", "scoring")
    assert "was scored" in scored.plant.tick("on_unscored_hours").skip_message
    assert_scored_once(scored, HOURS + 1)


def test_an_episode_whose_answer_is_decided_and_not_noted_is_answered(scored: Drills) -> None:
    """MLflow's own database is locked, so that the notes wait."""
    dagster, plant = scored.dagster, scored.plant
    (request,) = plant.tick("on_confidence_drift").run_requests
    notes = sqlite3.connect(os.environ["MILLRACE_ML_TRACKING_URI"].removeprefix("sqlite:///"), isolation_level=None)
    answers = "select count(*) from ml.promotions where episode_id = (select episode_id from ml.drift_episodes)"
    with closing(notes):
        with dagster.waiting(scored.url, COMMIT) as until_somebody_waits:
            run_id = scored.launch(request, "training")
            until_somebody_waits()
            notes.execute("begin immediate")
        until(lambda: plant.rows(answers) == [(1,)], "the decision")
        dagster.kill_worker()
    scored.fails(WORKER, run_id)
    assert "no unanswered drift episode" in plant.tick("on_confidence_drift").skip_message
    assert plant.rows(answers) == [(1,)]
    assert of_mlflow("aliases")[CHAMPION] == {"champion": 2}


def assert_scored_once(drills: Drills, hours: int) -> None:
    """Each window of each pump by the champion, as a scoring of all hours in one go makes it."""
    kept = drills.plant.rows(SCORES, version=2)
    ends = [START + STEP * number for number in range(29, hours * STEPS_AN_HOUR)]
    assert [(row.equipment_code, row.event_time) for row in kept] == [(pump, end) for pump in PUMPS for end in ends]
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        from ml.score import score_range

        score_range(drills.plant.engine, START, NOW)
    assert drills.plant.rows(SCORES, version=2) == kept
