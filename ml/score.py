"""Scores ranges of time with the champions and those beside them. Which ranges, and when, is orchestration's to know.

A range is scored as far as its readings reach: windows that end up to `REACH_STEPS` after it may see them too, so what
is stored depends on the readings alone, never on the order in which hours were scored.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine

from ml import registry
from ml.anomaly_model import AnomalyModel, Judgement
from ml.anomaly_runs import AnomalyRun, merge, stretches
from ml.arrays import FloatArray, IntArray
from ml.detectors.protocol import Progress
from ml.errors import ModelTooOld
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

CUT_AT_ONCE: Final = 1_024
"""Windows that are in memory at a time, each of them thirty times what it adds to the frame."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoreSummary:
    """What a scoring did.

    Attributes:
        models: Champions that scored, by model name.
        shadows: Challengers that scored beside them, by model name; the counts are the champions'.
        too_old: Versions that did not score, as an earlier release stored them, by model name.
        equipment_count: Pieces of equipment of their classes.
        window_count: Windows judged.
        anomalous_count: Of them, above the threshold.
        anomaly_count: Runs of anomalous windows that overlap the range.
    """

    models: dict[str, int]
    shadows: dict[str, int]
    too_old: dict[str, int]
    equipment_count: int
    window_count: int
    anomalous_count: int
    anomaly_count: int


@dataclass
class Tally:
    """Counts of a scoring: rows removed, windows judged, of them anomalous, and runs of those."""

    removed: int = 0
    windows: int = 0
    anomalous: int = 0
    anomalies: int = 0

    def add(self, other: "Tally") -> None:
        """Count another scoring in."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


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

    Rows of the same model version are replaced, in one transaction for each equipment; those of other versions stay,
    and so do those of days near dropped ones. The hours are then put back into the ledger of touched hours, for the
    daily marts to follow. A model of an earlier release is left out and named: the class is trained anew, and what it
    missed is scored by its next champion.

    Args:
        engine: The warehouse.
        start: UTC, inclusive.
        end: UTC, exclusive.
        progress: Told which model is scoring and how far it is.
        settings: Read from the environment where None; as many pieces of equipment as `threads` are scored at a time.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    tell = progress or (lambda stage, share: None)
    used: dict[str, int] = {}
    shadows: dict[str, int] = {}
    too_old: dict[str, int] = {}
    counted, equipment_count, reach_s = Tally(), 0, 0.0
    for scorer in registry.scorers(settings):
        with engine.begin() as connection:
            members = equipment_of(connection, scorer.equipment_class)
        if not members:
            continue
        try:
            model = registry.load(scorer.model_name, scorer.version)
        except ModelTooOld as error:
            _log.warning("%s version %s does not score. %s", scorer.model_name, scorer.version, error)
            too_old[scorer.model_name] = scorer.version
            continue
        scored = [_scored(member, scorer, model) for member in members]
        tally = score_equipment(engine, model, scored, start, end, settings.threads, tell)
        reach_s = max(reach_s, REACH_STEPS * model.grid_s)
        if scorer.is_shadow:
            shadows[scorer.model_name] = scorer.version
            continue
        used[scorer.model_name] = scorer.version
        equipment_count += len(members)
        counted.add(tally)
    if counted.windows or counted.removed:
        first_hour = start.replace(minute=0, second=0, microsecond=0)
        ledger.reopen(engine, first_hour, end + timedelta(seconds=reach_s))
    return ScoreSummary(used, shadows, too_old, equipment_count, counted.windows, counted.anomalous, counted.anomalies)


def score_equipment(
    engine: Engine,
    model: AnomalyModel,
    members: Sequence[Scored],
    start: datetime,
    end: datetime,
    threads: int,
    progress: Progress,
) -> Tally:
    """Replace the scores and anomalies of equipment, each in a transaction of its own.

    Args:
        engine: The warehouse; each thread takes a connection.
        model: Judges.
        members: Whose scores, and what they are stored as.
        start: UTC, inclusive.
        end: UTC, exclusive.
        threads: Pieces of equipment at a time.
        progress: Told how much is done.

    Raises:
        Exception: What one of them raised; others that had not begun are left out.
    """
    total, steps = Tally(), _steps(start, end, round(model.grid_s * MICROSECONDS))
    with ThreadPoolExecutor(threads) as pool:
        scoring = [pool.submit(_score_one, engine, model, scored, steps) for scored in members]
        try:
            for done, one in enumerate(as_completed(scoring), start=1):
                total.add(one.result())
                progress(members[0].model_name, done / len(members))
        finally:
            for waiting in scoring:
                waiting.cancel()
    return total


def _scored(member: Equipment, champion: registry.Champion, model: AnomalyModel) -> Scored:
    return Scored(
        equipment=member,
        model_name=champion.model_name,
        model_version=champion.version,
        threshold=model.threshold,
        sensors=model.sensors,
        grid_us=round(model.grid_s * MICROSECONDS),
    )


def _steps(start: datetime, end: datetime, grid_us: int) -> range:
    """Ends of the windows that may see a reading of [start, end)."""
    return range(step_of(microseconds_of(start), grid_us), step_of(microseconds_of(end), grid_us) + REACH_STEPS + 1)


def _score_one(engine: Engine, model: AnomalyModel, scored: Scored, steps: range) -> Tally:
    """Replace scores and anomalies of one equipment, where its raw rows are all there."""
    tally = Tally()
    with engine.begin() as connection:
        lock(connection, scored)
        for part in thawed(connection, scored, steps):
            _replace(connection, model, scored, part, tally)
    return tally


def _replace(connection: Connection, model: AnomalyModel, scored: Scored, steps: range, tally: Tally) -> None:
    """Replace scores and anomalies of a range of steps."""
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
    connection: Connection, model: AnomalyModel, scored: Scored, steps: range, tally: Tally
) -> Iterator[AnomalyRun]:
    """Judge and store the windows that end at a step in which any sensor reported; yield the anomalous stretches.

    Half of the sensors have to be there; the model stands in for the others.
    """
    for frame in frames(connection, scored.equipment, scored.sensors, scored.grid_us, steps):
        ends = window_ends(frame.values, least_sensors=-(-len(scored.sensors) // 2))
        ends = ends[frame.is_observed[ends]]
        if not len(ends):
            continue
        values = frame.values.astype(np.float32)
        judgement = _judgement_of(model, values, ends)
        insert_scores(connection, scored, ends + frame.first_step, judgement)
        tally.windows += len(ends)
        tally.anomalous += int(judgement.is_anomaly.sum())
        found = stretches(ends, judgement.score, judgement.is_anomaly)
        if not found:
            continue
        explained = model.explanations(cut(values, ends[[peak for _, _, peak in found]]))
        for (first, last, peak), own in zip(found, explained, strict=True):
            steps_of = ends[[first, last]] + frame.first_step
            yield AnomalyRun(int(steps_of[0]), int(steps_of[1]), float(judgement.score[peak]), own)


def _judgement_of(model: AnomalyModel, values: FloatArray, ends: IntArray) -> Judgement:
    """Judge the windows of a frame that end at the given rows."""
    parts = [model.judge(cut(values, some)) for some in np.split(ends, range(CUT_AT_ONCE, len(ends), CUT_AT_ONCE))]
    return Judgement(*(np.concatenate(column) for column in zip(*(vars(part).values() for part in parts), strict=True)))


def _remainder(connection: Connection, model: AnomalyModel, scored: Scored, span: range) -> AnomalyRun:
    """What is left, outside the range, of an anomaly that reaches into it; its peak is explained anew."""
    step, score = peak_of(connection, scored, span)
    (frame,) = frames(connection, scored.equipment, scored.sensors, scored.grid_us, range(step, step + 1))
    (explained,) = model.explanations(cut(frame.values.astype(np.float32), np.array([LEAD_STEPS])))
    return AnomalyRun(span.start, span.stop - 1, score, explained)
