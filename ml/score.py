"""Scores ranges of time with the champions and those beside them. Which ranges, and when, is orchestration's to know.

A range is scored as far as its readings reach: windows that end up to `REACH_STEPS` after it may see them too, so what
is stored depends on the readings alone, never on the order in which hours were scored.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine

from ml import registry
from ml.anomaly_model import AnomalyModel
from ml.anomaly_runs import AnomalyRun, merge, stretches
from ml.detectors.protocol import Progress
from ml.features import Equipment, equipment_of, frames
from ml.grid import MICROSECONDS, microseconds_of, step_of
from ml.score_tables import (
    Scored,
    anomaly_spans,
    delete_scores,
    insert_scores,
    lock,
    peak_of,
    replace_anomalies,
    thawed,
)
from ml.settings import MlSettings
from ml.windows import LEAD_STEPS, REACH_STEPS, cut, window_ends
from warehouse import ledger

MINIBATCH: Final = 4_096
"""Windows that are cut and judged at once."""


@dataclass(frozen=True)
class ScoreSummary:
    """What a scoring did.

    Attributes:
        models: Champions that scored, by model name.
        shadows: Challengers that scored beside them, by model name; the counts are the champions'.
        equipment_count: Pieces of equipment of their classes.
        window_count: Windows judged.
        anomalous_count: Of them, above the threshold.
        anomaly_count: Runs of anomalous windows that overlap the range.
    """

    models: dict[str, int]
    shadows: dict[str, int]
    equipment_count: int
    window_count: int
    anomalous_count: int
    anomaly_count: int


@dataclass
class _Tally:
    equipment: int = 0
    removed: int = 0
    windows: int = 0
    anomalous: int = 0
    anomalies: int = 0


def score_range(
    engine: Engine,
    start: datetime,
    end: datetime,
    *,
    progress: Progress | None = None,
    settings: MlSettings | None = None,
) -> ScoreSummary:
    """Judge every window that sees a reading of [start, end), for every equipment class that has a champion.

    A challenger that scores beside the champion does the same; its rows count for nothing until it is promoted.

    Rows of the same model version are replaced, in one transaction for each model; those of other versions stay, and
    so do those of days near dropped ones. The hours are then put back into the ledger of touched hours, for the daily
    marts to follow.

    Args:
        engine: The warehouse.
        start: UTC, inclusive.
        end: UTC, exclusive.
        progress: Told which model is scoring and how far it is.
        settings: Read from the environment where None.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    tell = progress or (lambda stage, share: None)
    used: dict[str, int] = {}
    shadows: dict[str, int] = {}
    champions, reach_s = _Tally(), 0.0
    for champion in registry.scorers(settings):
        tally = _Tally() if champion.is_shadow else champions
        with engine.begin() as connection:
            lock(connection, champion.model_name)
            members = equipment_of(connection, champion.equipment_class)
            if not members:
                continue
            model = registry.load(champion.model_name, champion.version)
            _limit_threads(settings.threads)
            steps = _steps(start, end, round(model.grid_s * MICROSECONDS))
            for index, member in enumerate(members):
                tell(champion.model_name, index / len(members))
                scored = _scored(member, champion, model)
                for part in thawed(connection, scored, steps):
                    _score_equipment(connection, model, scored, part, tally)
        (shadows if champion.is_shadow else used)[champion.model_name] = champion.version
        tally.equipment += len(members)
        reach_s = max(reach_s, REACH_STEPS * model.grid_s)
        tell(champion.model_name, 1.0)
    if champions.windows or champions.removed:
        first_hour = start.replace(minute=0, second=0, microsecond=0)
        ledger.reopen(engine, first_hour, end + timedelta(seconds=reach_s))
    counts = champions.equipment, champions.windows, champions.anomalous, champions.anomalies
    return ScoreSummary(used, shadows, *counts)


def _scored(member: Equipment, champion: registry.Champion, model: AnomalyModel) -> Scored:
    return Scored(
        equipment=member,
        model_name=champion.model_name,
        model_version=champion.version,
        threshold=model.threshold,
        sensors=model.sensors,
        grid_us=round(model.grid_s * MICROSECONDS),
    )


def _limit_threads(threads: int) -> None:
    """Keep torch to its threads, where a champion brought it in: it takes seconds to import."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _steps(start: datetime, end: datetime, grid_us: int) -> range:
    """Ends of the windows that may see a reading of [start, end)."""
    return range(step_of(microseconds_of(start), grid_us), step_of(microseconds_of(end), grid_us) + REACH_STEPS + 1)


def _score_equipment(connection: Connection, model: AnomalyModel, scored: Scored, steps: range, tally: _Tally) -> None:
    """Replace scores and anomalies of one equipment."""
    old = anomaly_spans(connection, scored, steps)
    tally.removed += delete_scores(connection, scored, steps)
    before = [range(span.start, min(span.stop, steps.start)) for span in old if span.start < steps.start]
    after = [range(max(span.start, steps.stop), span.stop) for span in old if span.stop > steps.stop]
    runs = merge(
        [
            *(_remainder(connection, model, scored, span) for span in before),
            *_judge(connection, model, scored, steps, tally),
            *(_remainder(connection, model, scored, span) for span in after),
        ]
    )
    replace_anomalies(connection, scored, old, runs)
    tally.anomalies += len(runs)


def _judge(
    connection: Connection, model: AnomalyModel, scored: Scored, steps: range, tally: _Tally
) -> Iterator[AnomalyRun]:
    """Judge and store the windows that end at a step in which any sensor reported; yield the anomalous stretches."""
    for frame in frames(connection, scored.equipment, scored.sensors, scored.grid_us, steps):
        ends = window_ends(frame.values)
        ends = ends[frame.is_observed[ends]]
        for some in np.split(ends, range(MINIBATCH, len(ends), MINIBATCH)):
            windows = cut(frame.values, some)
            judgement = model.judge(windows)
            insert_scores(connection, scored, some + frame.first_step, judgement)
            tally.windows += len(some)
            tally.anomalous += int(judgement.is_anomaly.sum())
            found = stretches(some, judgement.score, judgement.is_anomaly)
            if not found:
                continue
            shares = model.explain(windows[[peak for _, _, peak in found]])
            for (first, last, peak), own in zip(found, shares, strict=True):
                steps_of = some[[first, last]] + frame.first_step
                yield AnomalyRun(int(steps_of[0]), int(steps_of[1]), float(judgement.score[peak]), own)


def _remainder(connection: Connection, model: AnomalyModel, scored: Scored, span: range) -> AnomalyRun:
    """What is left, outside the range, of an anomaly that reaches into it; its peak is explained anew."""
    step, score = peak_of(connection, scored, span)
    (frame,) = frames(connection, scored.equipment, scored.sensors, scored.grid_us, range(step, step + 1))
    shares = model.explain(cut(frame.values, np.array([LEAD_STEPS])))
    return AnomalyRun(span.start, span.stop - 1, score, shares[0])
