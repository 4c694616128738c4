"""From sinking confidence to an episode to a training that answers it (S1-062, S1-063, D12)."""

from datetime import timedelta

import numpy as np
import pytest

from ml import promotions
from ml.cause import Cause
from ml.drift import detect
from ml.drift_features import explain
from ml.train import train

HOUR = timedelta(hours=1)


def add_health(plant, stream: str, subject: str, means: list[float], samples: int = 20, since=None) -> None:
    """One hour after the other, from `since` or the plant's start on."""
    for number, mean in enumerate(means):
        plant.execute(
            "insert into marts.fct_model_health_hourly values"
            " (:stream, 'demo', :subject, :own, 1, :hour, :mean, :mean, :samples, 'any')",
            stream=stream,
            subject=subject,
            own=plant.equipment_class if stream == "champion" else None,
            hour=(since or plant.start) + number * HOUR,
            mean=mean,
            samples=samples,
        )


def episodes(plant) -> list[tuple]:
    return plant.rows(
        "select episode_id, stream, equipment_class, band, mean_before, mean_after, recovered_at"
        " from ml.drift_episodes order by detected_at"
    )


def test_a_sinking_edge_classifier_opens_one_episode_however_often_one_looks(empty_plant) -> None:
    """Pooled over work units, each with too few samples of its own; it answers for the class with most equipment."""
    plant = empty_plant
    for pump in ("P1", "P2"):
        plant.register(pump)
    plant.execute("insert into marts.dim_equipment values ('demo', 'F1', 'F1', 'fan', null)")
    for unit in ("WU1", "WU2"):
        add_health(plant, "edge_classifier", unit, [0.93] * 36)
    assert detect(plant.engine) == []

    for unit in ("WU1", "WU2"):
        add_health(plant, "edge_classifier", unit, [0.78] * 12, since=plant.start + 36 * HOUR)
    (found,) = detect(plant.engine)
    assert found.episode_id == f"edge_classifier:demo:{plant.equipment_class}:{found.detected_at:%Y-%m-%dT%HZ}"
    assert found.equipment_class == plant.equipment_class
    assert plant.start + 36 * HOUR < found.detected_at <= plant.start + 48 * HOUR
    assert (found.mean_before, found.mean_after) == (pytest.approx(0.93), pytest.approx(0.78))
    assert found.sample_count == 3 * 40

    before = episodes(plant)
    assert detect(plant.engine) == [found]
    assert episodes(plant) == before


def test_the_champion_is_watched_by_class_and_recovery_closes_the_episode(empty_plant) -> None:
    plant = empty_plant
    for pump in ("P1", "P2", "P3"):
        plant.register(pump)
        add_health(plant, "champion", pump, [0.97] * 30 + [0.70] * 6, samples=60)
    (found,) = detect(plant.engine)
    assert (found.stream, found.equipment_class, found.band) == ("champion", plant.equipment_class, "critical")

    for pump in ("P1", "P2", "P3"):
        add_health(plant, "champion", pump, [0.97] * 12, samples=60, since=plant.start + 36 * HOUR)
    (closed,) = detect(plant.engine)
    assert closed.episode_id == found.episode_id
    assert closed.recovered_at == plant.start + 40 * HOUR  # four hours at 0.97 make up for two at 0.70
    assert len(episodes(plant)) == 1


def test_a_site_without_equipment_has_nothing_to_retrain(empty_plant) -> None:
    add_health(empty_plant, "edge_classifier", "WU1", [0.93] * 30 + [0.60] * 10, samples=60)
    assert detect(empty_plant.engine) == []
    assert episodes(empty_plant) == []


def test_a_training_answers_an_episode_once(plant, ml_settings) -> None:
    """D12: one retraining per episode; asked again, the first answer stands."""
    add_health(plant, "edge_classifier", "WU1", [0.93] * 30 + [0.70] * 10, samples=60)
    (episode,) = detect(plant.engine)
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    assert detect(plant.engine) == [episode]

    answer = train(
        plant.engine,
        episode.equipment_class,
        Cause(trigger="drift", episode_id=episode.episode_id, dagster_run_id="run-7"),
        settings=ml_settings,
    )
    assert detect(plant.engine) == []
    asked_again = Cause(trigger="drift", episode_id=episode.episode_id)
    again = train(plant.engine, episode.equipment_class, asked_again, settings=ml_settings)
    assert again == answer
    _, decision = promotions.history(plant.engine, plant.model_name)
    assert (decision.trigger, decision.episode_id, decision.dagster_run_id) == ("drift", episode.episode_id, "run-7")
    assert decision.reason


def test_the_sensors_explain_an_episode(plant, ml_settings) -> None:
    """S4-027: bearing and vibration of one pump in five have left what the champion was trained on; the others not."""
    add_health(plant, "champion", "P3", [0.95] * 40 + [0.70] * 8, samples=60)
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    (episode,) = detect(plant.engine)
    (found,) = explain(plant.engine, ml_settings)
    assert found.episode_id == episode.episode_id
    reference = found.reference
    assert (reference.kind, reference.start, reference.end) == (
        "champion",
        plant.start,
        episode.detected_at - 3 * HOUR,  # the training saw the hours in question too: they are left out
    )
    assert found.shifts.keys() == set(plant.sensors)
    assert {name for name, shift in found.shifts.items() if shift.is_drifted} == {"bearing_temperature", "vibration"}
    assert "2 of 4 sensors drifted: " in found.explanation
    assert found.shifts["flow"].count_before == 13 * 60 and found.shifts["flow"].count_after == 5 * 48
    kept = plant.rows(
        "select metric, is_drifted, ks, mean_after from ml.drift_features where episode_id = :id order by metric",
        id=episode.episode_id,
    )
    assert kept == [(name, s.is_drifted, s.ks, s.mean_after) for name, s in sorted(found.shifts.items())]
    assert explain(plant.engine, ml_settings) == []


def test_where_no_sensor_moved_that_is_said(empty_plant, ml_settings) -> None:
    """An edge classifier of a class without a champion: the two weeks before, here three days of them."""
    plant = empty_plant
    rng = np.random.default_rng(3)
    plant.register("P1")
    for sensor in ("flow", "vibration"):
        plant.add("P1", sensor, plant.start, 50 + rng.standard_normal(96 * 60))
    add_health(plant, "edge_classifier", "WU1", [0.93] * 90 + [0.60] * 6, samples=60)
    (episode,) = detect(plant.engine)
    (found,) = explain(plant.engine, ml_settings)
    assert (found.reference.kind, found.reference.end) == ("days_before", episode.detected_at - 3 * HOUR)
    assert found.explanation == ("Confidence fell, none of 2 sensors drifted: look at the classifier and its labels.")


def test_while_mlflow_is_away_episodes_wait_for_their_explanation(empty_plant, ml_settings) -> None:
    plant = empty_plant
    plant.register("P1")
    add_health(plant, "champion", "P1", [0.97] * 30 + [0.70] * 6, samples=60)
    assert len(detect(plant.engine)) == 1
    assert explain(plant.engine, ml_settings.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})) == []
    (found,) = explain(plant.engine, ml_settings)
    assert found.explanation == "Confidence fell; no sensor could be compared."


def test_what_is_read_does_not_grow_with_the_sampling_rate(empty_plant, ml_settings) -> None:
    """Ten readings a second: as many samples as of one a minute."""
    plant = empty_plant
    plant.register("P1")
    values = 50 + np.random.default_rng(4).standard_normal(30 * 60 * 60)
    plant.add("P1", "flow", plant.start + 5 * HOUR, values, step_s=1)
    add_health(plant, "champion", "P1", [0.97] * 30 + [0.70] * 3, samples=60)
    detect(plant.engine)
    (found,) = explain(plant.engine, ml_settings)
    assert found.shifts["flow"].count_after <= 240
    assert found.shifts["flow"].count_before <= 20 * 60
