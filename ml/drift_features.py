"""Looks at the sensors behind a drift episode and keeps what it finds in `ml.drift_features` (S4-027).

The three hours that made an episode certain are compared with the training window of the champion, sensor by sensor.
Whether a sensor has drifted is decided in `ml.shift`; when confidence counts as drifting, in `ml.confidence_watch`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine, exists, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from ml import registry, tracking
from ml.arrays import FloatArray, IntArray
from ml.confidence_watch import HOUR, PERSISTENCE_HOURS
from ml.errors import TrackingUnavailable
from ml.features import Equipment, equipment_of
from ml.settings import MlSettings
from ml.shift import LEAST_BLOCKS, Shift, compare
from warehouse.tables import drift_episodes, drift_explanations, drift_features, promotions

SUSPECT: Final = PERSISTENCE_HOURS * HOUR
DAY: Final = timedelta(days=1)
DAYS_BEFORE: Final = 14 * DAY
MOST_BLOCKS: Final = 20
BLOCK_SAMPLES: Final = 60
SUSPECT_SAMPLES: Final = 240
MOST_EQUIPMENT: Final = 20
MOST_METRICS: Final = 100
NAMED: Final = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reference:
    """What the sensors are compared with; times are UTC.

    Attributes:
        kind: champion (its training window) or days_before (there is no champion).
        metrics: Those that the champion reads; None: whatever reports.
    """

    kind: str
    start: datetime
    end: datetime
    metrics: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Explanation:
    """What the sensors say about one episode.

    Attributes:
        explanation: One sentence for people.
        shifts: By metric.
    """

    episode_id: str
    explanation: str
    reference: Reference
    shifts: Mapping[str, Shift]


def explain(engine: Engine, settings: MlSettings | None = None) -> list[Explanation]:
    """Look into the episodes that are open or unanswered and were not looked into yet; oldest first.

    Where MLflow does not answer, nobody knows what the champion was trained on: the next call looks into them.

    Args:
        engine: The warehouse.
        settings: Read from the environment where None.
    """
    settings = settings or MlSettings()
    found = []
    references: dict[str, Reference | None] = {}
    with engine.connect() as connection:
        lacking = _lacking(connection)
    for episode_id, site_code, equipment_class, detected_at in lacking:
        try:
            if equipment_class not in references:
                references[equipment_class] = _training_window(equipment_class, settings)
        except TrackingUnavailable as error:
            _log.warning("Drift episodes are explained later: %s", error)
            break
        reference = _before(references[equipment_class], detected_at - SUSPECT)
        with engine.begin() as connection:
            shifts = _shifts(connection, site_code, equipment_class, reference, detected_at)
            explanation = Explanation(episode_id, sentence(shifts), reference, shifts)
            _record(connection, explanation)
        found.append(explanation)
    return found


def sentence(shifts: Mapping[str, Shift]) -> str:
    """Say in one sentence what the sensors tell, the furthest first."""
    drifted = sorted((name for name, found in shifts.items() if found.is_drifted), key=lambda name: -_ks(shifts[name]))
    judged = [name for name, found in shifts.items() if found.is_drifted is not None]
    unknown = sorted(set(shifts) - set(judged))
    silent = f" Too few readings to tell: {', '.join(unknown[:NAMED])}." if unknown else ""
    if not judged:
        return f"Confidence fell; no sensor could be compared.{silent}"
    if not drifted:
        return f"Confidence fell, none of {len(judged)} sensors drifted: look at the classifier and its labels.{silent}"
    moved = [
        f"{name} (mean {shifts[name].mean_before:.4g} to {shifts[name].mean_after:.4g}, KS {_ks(shifts[name]):.2f})"
        for name in drifted[:NAMED]
    ]
    more = f" and {len(drifted) - NAMED} more" if len(drifted) > NAMED else ""
    return f"Confidence fell, and {len(drifted)} of {len(judged)} sensors drifted: {', '.join(moved)}{more}.{silent}"


def as_markdown(explanation: Explanation) -> str:
    """The sentence and a table of all sensors, the furthest first."""
    lines = [explanation.explanation, "", "| sensor | drifted | KS | usual | PSI | usual | mean before | after |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name, found in sorted(explanation.shifts.items(), key=lambda item: -_ks(item[1])):
        verdict = "too few readings" if found.is_drifted is None else "yes" if found.is_drifted else "no"
        figures = (found.ks, found.usual_ks, found.psi, found.usual_psi, found.mean_before, found.mean_after)
        shown = " | ".join("–" if figure is None else f"{figure:.3g}" for figure in figures)
        lines.append(f"| {name} | {verdict} | {shown} |")
    return "\n".join(lines)


def _ks(shift: Shift) -> float:
    return shift.ks or 0.0


def _lacking(connection: Connection) -> list[tuple[str, str, str, datetime]]:
    episode = drift_episodes.c
    is_looked_into = exists().where(drift_explanations.c.episode_id == episode.episode_id)
    is_answered = exists().where(promotions.c.episode_id == episode.episode_id)
    wanted = select(episode.episode_id, episode.site_code, episode.equipment_class, episode.detected_at)
    rows = connection.execute(
        wanted.where(~is_looked_into, or_(episode.recovered_at.is_(None), ~is_answered)).order_by(
            episode.detected_at, episode.episode_id
        )
    )
    return [(row.episode_id, row.site_code, row.equipment_class, row.detected_at) for row in rows]


def _training_window(equipment_class: str, settings: MlSettings) -> Reference | None:
    """What the champion learnt from, as its training recorded it in MLflow.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    champion = registry.champion(equipment_class, settings)
    if champion is None:
        return None
    client = tracking.connect(settings)
    version = client.get_model_version(champion.model_name, str(champion.version))
    candidate = client.get_run(str(version.run_id))
    params = client.get_run(candidate.data.tags["mlflow.parentRunId"]).data.params
    start, end = (datetime.fromisoformat(params[name]) for name in ("data_from", "data_until"))
    return Reference("champion", start, end, tuple(params["sensors"].split(",")))


def _before(trained_on: Reference | None, suspect_from: datetime) -> Reference:
    """The part of the training window before the hours in question; without one, the two weeks before them."""
    if trained_on and trained_on.start + SUSPECT <= suspect_from:
        end = min(trained_on.end, suspect_from)
        return Reference(trained_on.kind, trained_on.start, end, trained_on.metrics)
    metrics = trained_on.metrics if trained_on else None
    return Reference("days_before", suspect_from - DAYS_BEFORE, suspect_from, metrics)


def blocks_of(reference: Reference, suspect_from: datetime) -> list[datetime]:
    """Starts of the blocks to compare with, each as long as the hours in question, at most 20 and evenly spread.

    They are at the same hours of the day, so that a daily rhythm is no drift, where the reference has five such days.
    """
    latest = reference.end - SUSPECT
    days = [suspect_from - number * DAY for number in range(1, (suspect_from - reference.start) // DAY + 1)]
    starts = [start for start in days if start <= latest]
    if len(starts) < LEAST_BLOCKS:
        starts = [reference.start + number * SUSPECT for number in range((reference.end - reference.start) // SUSPECT)]
    if not starts:
        return []
    return [starts[index] for index in np.unique(np.linspace(0, len(starts) - 1, MOST_BLOCKS).round().astype(int))]


def _shifts(
    connection: Connection, site_code: str, equipment_class: str, reference: Reference, detected_at: datetime
) -> dict[str, Shift]:
    suspect_from = detected_at - SUSPECT
    members = [member for member in equipment_of(connection, equipment_class) if member.site_code == site_code]
    if not members:
        return {}
    chosen = [members[i] for i in np.unique(np.linspace(0, len(members) - 1, MOST_EQUIPMENT).astype(int))]
    starts = blocks_of(reference, suspect_from)
    shifts = {}
    for metric in reference.metrics or _reporting(connection, chosen, detected_at):
        before, blocks = _sample(connection, chosen, metric, starts, BLOCK_SAMPLES)
        after, _ = _sample(connection, chosen, metric, [suspect_from], SUSPECT_SAMPLES)
        shifts[metric] = compare(before, blocks, after)
    return shifts


def _reporting(connection: Connection, equipment: Sequence[Equipment], until: datetime) -> list[str]:
    """Metrics that reported in the last hour of those in question."""
    found = connection.scalars(
        text("""
            select distinct metric from marts.features_equipment_readings
            where site_code = :site_code and equipment_code = any(:codes)
                and event_time >= :since and event_time < :until
            order by metric limit :most
        """),
        {
            "site_code": equipment[0].site_code,
            "codes": [member.equipment_code for member in equipment],
            "since": until - HOUR,
            "until": until,
            "most": MOST_METRICS,
        },
    )
    return list(found)


def _sample(
    connection: Connection, equipment: Sequence[Equipment], metric: str, starts: Sequence[datetime], count: int
) -> tuple[FloatArray, IntArray]:
    """Take about `count` readings of each block, the same number of each piece of equipment: values and block numbers.

    A block is cut into slices, and of each the first reading is taken, by its key: what is read does not depend on how
    often a sensor reports.
    """
    slices = max(1, count // len(equipment))
    rows = connection.execute(
        text("""
            select block, value
            from unnest(cast(:starts as timestamptz[])) with ordinality as blocks (start, block)
            cross join generate_series(0, :slices - 1) as slice
            cross join unnest(cast(:codes as text[])) as equipment (code)
            cross join lateral (
                select value from marts.features_equipment_readings
                where site_code = :site_code and equipment_code = code and metric = :metric and value is not null
                    and event_time >= start + slice * cast(:width as interval)
                    and event_time < start + (slice + 1) * cast(:width as interval)
                order by event_time limit 1
            ) as reading
        """),
        {
            "starts": list(starts),
            "slices": slices,
            "width": SUSPECT / slices,
            "codes": [member.equipment_code for member in equipment],
            "site_code": equipment[0].site_code,
            "metric": metric,
        },
    ).all()
    return np.array([row.value for row in rows], dtype=float), np.array([row.block for row in rows], dtype=np.int64)


def _record(connection: Connection, explanation: Explanation) -> None:
    """Keep it; another look at the same episode at the same time leaves the first."""
    episode_id, reference = explanation.episode_id, explanation.reference
    row = {
        "episode_id": episode_id,
        "explanation": explanation.explanation,
        "reference_kind": reference.kind,
        "reference_started_at": reference.start,
        "reference_ended_at": reference.end,
    }
    connection.execute(insert(drift_explanations).values(row).on_conflict_do_nothing())
    features = [
        {"episode_id": episode_id, "metric": name, **asdict(found)} for name, found in explanation.shifts.items()
    ]
    if features:
        connection.execute(insert(drift_features).values(features).on_conflict_do_nothing())
