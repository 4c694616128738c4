"""From sinking confidence to an episode to a training that answers it (S1-062, S1-063, D12)."""

from datetime import timedelta

import pytest

from ml import promotions
from ml.drift import detect
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
    train(plant.engine, plant.equipment_class, trigger="initial", settings=ml_settings)
    assert detect(plant.engine) == [episode]

    answer = train(
        plant.engine,
        episode.equipment_class,
        trigger="drift",
        episode_id=episode.episode_id,
        dagster_run_id="run-7",
        settings=ml_settings,
    )
    assert detect(plant.engine) == []
    again = train(
        plant.engine, episode.equipment_class, trigger="drift", episode_id=episode.episode_id, settings=ml_settings
    )
    assert again == answer
    _, decision = promotions.history(plant.engine, plant.model_name)
    assert (decision.trigger, decision.episode_id, decision.dagster_run_id) == ("drift", episode.episode_id, "run-7")
    assert decision.reason
