"""Forecasts the remaining life of everything that runs, into `ml.remaining_life`. When, is orchestration's to know."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, func
from sqlalchemy.dialects.postgresql import insert

from ml import registry
from ml.rul.histories import cut
from ml.rul.lives import Life, lives_of, read_history
from ml.rul.model import RemainingLifeModel
from ml.rul.tracking import PREFIX, load
from ml.settings import MlSettings
from warehouse.tables import remaining_life

HOUR_S = 3_600.0


@dataclass(frozen=True)
class ForecastSummary:
    """What a forecasting did.

    Attributes:
        models: Versions that forecast, by model name.
        equipment_count: Pieces of equipment that have a forecast.
    """

    models: dict[str, int]
    equipment_count: int


def forecast_all(engine: Engine, *, settings: MlSettings | None = None) -> ForecastSummary:
    """Forecast with every champion, each equipment as of its newest reading; done again, it changes nothing.

    Equipment that is down, or was never measured since, has no forecast.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    used, count = {}, 0
    for champion in registry.champions(settings, prefix=PREFIX):
        model = load(champion.model_name, champion.version)
        with engine.begin() as connection:
            running = [life for life in lives_of(connection, champion.equipment_class) if life.ended_at is None]
            for life in running:
                _store(connection, champion, model, life)
        used[champion.model_name] = champion.version
        count += len(running)
    return ForecastSummary(used, count)


def _store(connection: Connection, champion: registry.Champion, model: RemainingLifeModel, life: Life) -> None:
    """Forecast one equipment and write its row; late readings that change the forecast replace it."""
    history = read_history(connection, life, model.sensors, model.step_s, model.window_steps)
    age = life.steps(model.step_s)
    window = cut(history.values, model.window_steps, np.array([len(history.values) - 1]))
    found, step_h = model.predict(window, np.array([float(age)])), model.step_s / HOUR_S
    figures = {
        "age_h": age * step_h,
        "remaining_life_h": float(found.expected[0]) * step_h,
        "lower_h": float(found.lower[0]) * step_h,
        "upper_h": float(found.upper[0]) * step_h,
        "cap_h": model.cap * step_h,
    }
    key = {**vars(life.equipment), "event_time": life.last_at}
    key |= {"model_name": champion.model_name, "model_version": champion.version}
    row = insert(remaining_life).values(key | figures)
    differs = remaining_life.c.lower_h != row.excluded.lower_h
    differs |= remaining_life.c.remaining_life_h != row.excluded.remaining_life_h
    connection.execute(
        row.on_conflict_do_update(index_elements=list(key), set_=figures | {"recorded_at": func.now()}, where=differs)
    )
