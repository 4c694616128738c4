"""Reads and writes `ml.scores` and `ml.anomalies` for one equipment and one model version. Judging is in `ml.score`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, delete, insert, select, text

from ml.anomaly_model import Judgement
from ml.anomaly_runs import AnomalyRun
from ml.arrays import FloatArray, IntArray
from ml.binary_copy import driver_connection, encode, text_column, time_column
from ml.features import Equipment
from ml.grid import datetime_of, microseconds_of, step_of
from warehouse.tables import anomalies, scores


@dataclass(frozen=True)
class Scored:
    """Whose scores, by which model; steps are the model's grid steps.

    Attributes:
        sensors: Of the model, in its order.
        grid_us: Length of a step, microseconds.
    """

    equipment: Equipment
    model_name: str
    model_version: int
    threshold: float
    sensors: Sequence[str]
    grid_us: int

    def time_of(self, step: int) -> datetime:
        """When a step ends, UTC."""
        return datetime_of(step * self.grid_us)

    def step_of(self, at: datetime) -> int:
        """The step that ends at a time taken from the tables."""
        return microseconds_of(at) // self.grid_us

    @property
    def key(self) -> dict[str, str | int]:
        """The columns that both tables are keyed by, apart from time."""
        return {**vars(self.equipment), "model_name": self.model_name, "model_version": self.model_version}


def lock(connection: Connection, of: Scored) -> None:
    """Let one scoring of an equipment by a model after the other replace rows, until the end of the transaction."""
    key = f"ml.scores:{of.model_name}:{of.equipment.site_code}:{of.equipment.equipment_code}"
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def thawed(connection: Connection, of: Scored, steps: range) -> Iterator[range]:
    """The parts of a range of steps that lie in days whose raw rows, and those of the days around, are all there.

    Of the others nothing is scored anew: what was found would give way to what the few rows left say. Nor is anything
    of hours that a failed expectation holds back.
    """
    left_out = connection.execute(
        text("""
            select cast(day as date) as start_at, cast(day as date) + 1 as end_at
            from generate_series(cast(:first as date), cast(:last as date), '1 day') as day
            where ops.is_frozen(:site_code, cast(day as date))
            union
            select hour, hour + interval '1 hour' from ops.held_hours
            where site_code = :site_code and hour > cast(:since as timestamptz) - interval '1 hour' and hour <= :until
            order by start_at, end_at
        """),
        {
            "site_code": of.equipment.site_code,
            "first": of.time_of(steps.start).date(),
            "last": of.time_of(steps.stop - 1).date(),
            "since": of.time_of(steps.start),
            "until": of.time_of(steps.stop - 1),
        },
    )
    start = steps.start
    for bounds in left_out:
        first, stop = (step_of(microseconds_of(at), of.grid_us) for at in bounds)
        if start < first:
            yield range(start, min(first, steps.stop))
        start = max(start, stop)
    if start < steps.stop:
        yield range(start, steps.stop)


def delete_scores(connection: Connection, of: Scored, steps: range) -> int:
    """Remove the scores of a range of steps; returns how many there were."""
    within = scores.c.event_time.between(of.time_of(steps.start), of.time_of(steps.stop - 1))
    mine = and_(*(scores.c[name] == value for name, value in of.key.items()))
    return connection.execute(delete(scores).where(mine, within)).rowcount


def insert_scores(connection: Connection, of: Scored, steps: IntArray, judgement: Judgement) -> None:
    """Add the scores of windows that end at the given steps, shape (window,)."""
    if not len(steps):
        return
    columns: dict[str, tuple[str, NDArray[Any] | bytes]] = {
        "site_code": text_column(of.equipment.site_code),
        "equipment_code": text_column(of.equipment.equipment_code),
        "model_name": text_column(of.model_name),
        "event_time": time_column(steps * of.grid_us),
        "model_version": (">i4", steps * 0 + of.model_version),
        "score": (">f8", judgement.score),
        "threshold": (">f8", judgement.score * 0 + of.threshold),
        "is_anomaly": ("?", judgement.is_anomaly),
        "confidence": (">f8", judgement.confidence),
    }
    statement = f"copy ml.scores ({', '.join(columns)}) from stdin (format binary)"
    with driver_connection(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encode(columns, len(steps)))


def anomaly_spans(connection: Connection, of: Scored, steps: range) -> list[range]:
    """The anomalies that overlap or touch a range of steps, in order."""
    mine = and_(*(anomalies.c[name] == value for name, value in of.key.items()))
    rows = connection.execute(
        select(anomalies.c.started_at, anomalies.c.ended_at)
        .where(
            mine, anomalies.c.started_at <= of.time_of(steps.stop), anomalies.c.ended_at >= of.time_of(steps.start - 1)
        )
        .order_by(anomalies.c.started_at)
    )
    return [range(of.step_of(row.started_at), of.step_of(row.ended_at) + 1) for row in rows]


def peak_of(connection: Connection, of: Scored, steps: range) -> tuple[int, float]:
    """Step and score of the highest of the scores in a range, the first of equals; there must be one."""
    mine = and_(*(scores.c[name] == value for name, value in of.key.items()))
    row = connection.execute(
        select(scores.c.event_time, scores.c.score)
        .where(mine, scores.c.event_time.between(of.time_of(steps.start), of.time_of(steps.stop - 1)))
        .order_by(scores.c.score.desc(), scores.c.event_time)
        .limit(1)
    ).one()
    return of.step_of(row.event_time), row.score


def replace_anomalies(connection: Connection, of: Scored, old: Iterable[range], new: Sequence[AnomalyRun]) -> None:
    """Put runs in the place of anomalies found by `anomaly_spans`."""
    starts = [of.time_of(span.start) for span in old]
    mine = and_(*(anomalies.c[name] == value for name, value in of.key.items()))
    if starts:
        connection.execute(delete(anomalies).where(mine, anomalies.c.started_at.in_(starts)))
    if new:
        connection.execute(
            insert(anomalies),
            [
                {
                    **of.key,
                    "started_at": of.time_of(run.first_step),
                    "ended_at": of.time_of(run.last_step),
                    "peak_score": run.peak_score,
                    "threshold": of.threshold,
                    "sensor_shares": _by_sensor(of.sensors, np.round(run.peak.shares, 6)),
                    "sensor_values": _by_sensor(of.sensors, run.peak.values),
                    "nearest_normal": _by_sensor(of.sensors, run.peak.nearest_normal),
                }
                for run in new
            ],
        )


def _by_sensor(sensors: Sequence[str], values: FloatArray) -> dict[str, float | None]:
    """Figures by sensor, for JSON, which has no NaN; float32's six digits are all there are."""
    return {
        sensor: None if np.isnan(value) else float(f"{float(value):.6g}")
        for sensor, value in zip(sensors, values, strict=True)
    }
