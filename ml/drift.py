"""Finds drift episodes in the model health mart and keeps them in `ml.drift_episodes`.

When confidence counts as drifting is decided in `ml.confidence_watch`; what follows, in orchestration.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, select, text
from sqlalchemy.dialects.postgresql import insert

from ml.confidence_watch import Drift, HourlyMean, find_drifts
from warehouse.tables import drift_episodes, promotions

EDGE_CLASSIFIER: Final = "edge_classifier"
LOOKBACK_DAYS: Final = 90

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DriftEpisode:
    """A stretch of time in which a model was not sure enough, from detection to recovery; times are UTC.

    Attributes:
        equipment_class: Whose model is retrained.
        band: Health when it was detected: healthy, warning or critical.
    """

    episode_id: str
    stream: str
    site_code: str
    equipment_class: str
    detected_at: datetime
    band: str
    mean_before: float
    mean_after: float
    sample_count: int
    recovered_at: datetime | None


@dataclass(frozen=True, order=True)
class _Stream:
    """What is watched as one: all work units, or all equipment of a class, of a site."""

    stream: str
    site_code: str
    equipment_class: str


def detect(engine: Engine) -> list[DriftEpisode]:
    """Bring the episodes up to date; return those that no training has answered, oldest first.

    Called again without new data, it changes nothing and returns the same. Episodes once recorded stay; late data
    may only let them recover.

    Args:
        engine: The warehouse.
    """
    with engine.begin() as connection:
        # Two detections at once would both open the same episode.
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended('ml.drift_episodes', 0))"))
        for stream, hours in _streams(connection):
            _watch(connection, stream, hours)
        return _unanswered(connection)


def _watch(connection: Connection, stream: _Stream, hours: list[HourlyMean]) -> None:
    for drift in find_drifts(hours, _latest(connection, stream)):
        values = {**vars(stream), **vars(drift), "episode_id": _episode_id(stream, drift)}
        added = insert(drift_episodes).values(values)
        connection.execute(
            added.on_conflict_do_update(
                index_elements=["episode_id"], set_={"recovered_at": added.excluded.recovered_at}
            )
        )


def _episode_id(stream: _Stream, drift: Drift) -> str:
    return ":".join([stream.stream, stream.site_code, stream.equipment_class, f"{drift.detected_at:%Y-%m-%dT%HZ}"])


def _streams(connection: Connection) -> Iterator[tuple[_Stream, list[HourlyMean]]]:
    """Hourly means pooled over subjects, stream by stream, with the class whose model answers for it."""
    rows = connection.execute(
        text("""
            select
                stream,
                site_code,
                case when stream <> :edge then equipment_class end as equipment_class,
                hour,
                (sum(avg_confidence * sample_count) / sum(sample_count))::double precision as mean,
                sum(sample_count)::bigint as sample_count
            from marts.fct_model_health_hourly
            where sample_count > 0
                and hour > (select max(hour) from marts.fct_model_health_hourly) - make_interval(days => :days)
            group by 1, 2, 3, 4
            order by 1, 2, 3, 4
        """),
        {"edge": EDGE_CLASSIFIER, "days": LOOKBACK_DAYS},
    )
    largest = _largest_classes(connection)
    for (stream, site_code, own_class), members in groupby(rows, lambda row: (row[0], row[1], row[2])):
        hours = [HourlyMean(row.hour, row.mean, row.sample_count) for row in members]
        equipment_class = own_class or largest.get(site_code)
        if equipment_class is None:
            _log.warning(
                "Stream %s of site %s: the site has no equipment, so there is nothing to retrain", stream, site_code
            )
            continue
        yield _Stream(stream, site_code, equipment_class), hours


def _largest_classes(connection: Connection) -> dict[str, str]:
    """The class with the most equipment, by site: it answers for the edge classifier."""
    rows = connection.execute(
        text("""
            select distinct on (site_code) site_code, equipment_class
            from marts.dim_equipment
            group by site_code, equipment_class
            order by site_code, count(*) desc, equipment_class
        """)
    )
    return {row.site_code: row.equipment_class for row in rows}


def _latest(connection: Connection, stream: _Stream) -> Drift | None:
    """The stream's latest episode. The edge classifier's belong together whichever class answers for it."""
    same = [drift_episodes.c.stream == stream.stream, drift_episodes.c.site_code == stream.site_code]
    if stream.stream != EDGE_CLASSIFIER:
        same.append(drift_episodes.c.equipment_class == stream.equipment_class)
    row = (
        connection.execute(
            select(drift_episodes).where(and_(*same)).order_by(drift_episodes.c.detected_at.desc()).limit(1)
        )
        .mappings()
        .first()
    )
    return None if row is None else Drift(**{name: row[name] for name in Drift.__dataclass_fields__})


def open_episodes(engine: Engine) -> list[DriftEpisode]:
    """The episodes that have not recovered, oldest first."""
    with engine.connect() as connection:
        return _episodes(connection, drift_episodes.c.recovered_at.is_(None))


def _unanswered(connection: Connection) -> list[DriftEpisode]:
    return _episodes(connection, ~exists().where(promotions.c.episode_id == drift_episodes.c.episode_id))


def _episodes(connection: Connection, condition: ColumnElement[bool]) -> list[DriftEpisode]:
    ordered = select(drift_episodes).order_by(drift_episodes.c.detected_at, drift_episodes.c.episode_id)
    rows = connection.execute(ordered.where(condition)).mappings()
    return [DriftEpisode(**{name: row[name] for name in DriftEpisode.__dataclass_fields__}) for row in rows]
