"""Reads the lives of an equipment class from the marts: from one failure to the next, step by step.

A failure is a `down` of the work unit where the equipment stands (`marts.fct_equipment_failures`); the
database averages readings over each step. Learning from lives does not belong here.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, text

from ml.arrays import FloatArray
from ml.features import Equipment, equipment_of
from ml.rul.histories import History

FILL_STEPS = 5
"""Steps over which a sensor's last value is carried forward; after it nothing is known of it."""


@dataclass(frozen=True)
class Life:
    """When a life began and ended; times are UTC.

    Attributes:
        started_at: Its first reading, or the end of the failure before it.
        ended_at: The failure, exclusive; None: it still goes on.
        last_at: Its newest reading.
    """

    equipment: Equipment
    started_at: datetime
    ended_at: datetime | None
    last_at: datetime

    @property
    def owner(self) -> str:
        """Names the equipment among all sites."""
        return f"{self.equipment.site_code}/{self.equipment.equipment_code}"

    def steps(self, step_s: float) -> int:
        """Steps from the start to the newest reading, the last one included."""
        return int((self.last_at - self.started_at).total_seconds() // step_s) + 1


def lives_of(connection: Connection, equipment_class: str) -> list[Life]:
    """All lives of all equipment of a class that have a reading, in order of equipment and time."""
    found = []
    failures = _failures(connection, equipment_class)
    for equipment in equipment_of(connection, equipment_class):
        started_at: datetime | None = None
        for failed_at, restored_at in [*failures[equipment], (None, None)]:
            bounds = _reading_bounds(connection, equipment, started_at, failed_at)
            if bounds is not None:
                found.append(Life(equipment, started_at or bounds[0], failed_at, bounds[1]))
            started_at = restored_at
    return found


def sensors_of(connection: Connection, equipment_class: str) -> tuple[str, ...]:
    """All metrics that equipment of a class reports, by name."""
    rows = connection.scalars(
        text("""
            select distinct metric from marts.features_equipment_readings
            where equipment_class = :equipment_class and value is not null order by metric
        """),
        {"equipment_class": equipment_class},
    )
    return tuple(rows.all())


def read_history(
    connection: Connection, life: Life, sensors: Sequence[str], step_s: float, last_steps: int | None = None
) -> History:
    """Read a life, or its last steps.

    Args:
        connection: To the warehouse.
        life: Which.
        sensors: Metrics, in the order of the columns.
        step_s: Readings are averaged over so many seconds, counted from the start of the life.
        last_steps: Only so many; None: all.
    """
    count = life.steps(step_s)
    wanted = count if last_steps is None else min(count, last_steps)
    before = count - min(count, wanted + FILL_STEPS)
    rows = connection.execute(
        text("""
            select
                floor(extract(epoch from event_time - :started_at) / :step_s)::bigint as step,
                array_position(cast(:sensors as text[]), metric) as sensor,
                avg(value) as value
            from marts.features_equipment_readings
            where site_code = :site_code and equipment_code = :equipment_code
                and metric = any(cast(:sensors as text[])) and value is not null
                and event_time >= :since and event_time <= :last_at
            group by 1, 2
        """),
        {
            **vars(life.equipment),
            "started_at": life.started_at,
            "since": life.started_at + timedelta(seconds=before * step_s),
            "last_at": life.last_at,
            "step_s": step_s,
            "sensors": list(sensors),
        },
    )
    values = np.full((count - before, len(sensors)), np.nan)
    for row in rows:
        values[row.step - before, row.sensor - 1] = row.value
    return History(life.owner, _filled(values)[-wanted:], life.ended_at is not None)


def _failures(connection: Connection, equipment_class: str) -> dict[Equipment, list[tuple[datetime, datetime]]]:
    """When each equipment failed and when it was restored, in order of time; one statement, as it reads all events."""
    rows = connection.execute(
        text(
            "select site_code, equipment_code, failed_at, restored_at from marts.fct_equipment_failures"
            " where equipment_class = :equipment_class order by failed_at"
        ),
        {"equipment_class": equipment_class},
    )
    failures: dict[Equipment, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in rows:
        failures[Equipment(row.site_code, row.equipment_code)].append((row.failed_at, row.restored_at))
    return failures


def _filled(values: FloatArray) -> FloatArray:
    """Carry each sensor's last value forward over short gaps, shape (step, sensor)."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isfinite(values), rows, -FILL_STEPS - 1), axis=0)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    filled: FloatArray = np.where(rows - last <= FILL_STEPS, carried, np.nan)
    return filled


def _reading_bounds(
    connection: Connection, equipment: Equipment, since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime] | None:
    """First and last reading of [since, until), found at the ends of an index; None: there is none."""
    bounds = []
    for direction in ("asc", "desc"):
        statement = f"""
            select event_time from marts.features_equipment_readings
            where site_code = :site_code and equipment_code = :equipment_code and value is not null
                and (cast(:since as timestamptz) is null or event_time >= :since)
                and (cast(:until as timestamptz) is null or event_time < :until)
            order by event_time {direction} limit 1
        """
        at: datetime | None = connection.scalar(text(statement), {**vars(equipment), "since": since, "until": until})
        if at is None:
            return None
        bounds.append(at)
    return bounds[0], bounds[1]
