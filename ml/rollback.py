"""Takes back the last promotion of a model, for a person or because its champion is not sure of itself any more.

Finding drift belongs to `ml.drift`; a rollback does not answer it: the model is trained again all the same.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from ml import promotions, registry, tracking
from ml.anomaly_model import FORMAT
from ml.confidence_watch import CRITICAL_BELOW, HOUR, LEAST_SAMPLES, PERSISTENCE_HOURS, HourlyMean
from ml.errors import NothingToRollBackTo, TrainingInProgress
from ml.promote import carry_out
from ml.settings import MlSettings

_log = logging.getLogger(__name__)


def roll_back(
    engine: Engine,
    equipment_class: str,
    *,
    reason: str,
    prefix: str = registry.PREFIX,
    settings: MlSettings | None = None,
) -> promotions.Decision:
    """Make the champion before the present one champion again and record it in the ledger.

    Args:
        engine: The warehouse.
        equipment_class: Whose model.
        reason: Why, for the ledger.
        prefix: Of the kind of model.
        settings: Read from the environment where None.

    Raises:
        NothingToRollBackTo: There was no champion before, or an earlier release stored it.
        TrainingInProgress: The model is being trained.
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    name = prefix + equipment_class
    with promotions.deciding(engine, name):
        return _take_back(engine, name, reason, settings)


def roll_back_critical(engine: Engine, *, settings: MlSettings | None = None) -> list[promotions.Decision]:
    """Roll back every champion whose confidence turned critical soon after it was promoted.

    The rule: since the newest reading its promotion knew of, and for no more than `rollback_days` of data, its hourly
    mean confidence over all equipment was critical (S1-059) for three hours in a row, each with enough samples, and
    there was a champion before it. A champion that came back by a rollback stays.

    Args:
        engine: The warehouse.
        settings: Read from the environment where None.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    done = []
    for reign in promotions.reigns(engine):
        since = _critical_since(_hours_of(engine, reign, settings))
        if since is None:
            continue
        reason = (
            f"By itself: confidence of version {reign.challenger_version} was critical, under {CRITICAL_BELOW}, for "
            f"{PERSISTENCE_HOURS} hours from {since:%Y-%m-%d %H:%M} UTC on."
        )
        try:
            with promotions.deciding(engine, reign.model_name):
                if promotions.reign_in(promotions.history(engine, reign.model_name)) == reign:
                    done.append(_take_back(engine, reign.model_name, reason, settings))
        except (NothingToRollBackTo, TrainingInProgress) as error:
            _log.warning("%s version %s is critical: %s", reign.model_name, reign.challenger_version, error)
    return done


def _take_back(engine: Engine, name: str, reason: str, settings: MlSettings) -> promotions.Decision:
    tracking.connect(settings)
    decisions = promotions.history(engine, name)
    present = promotions.reign_in(decisions)
    decision = replace(
        _way_back(decisions, name),
        champion_version=present.challenger_version if present else None,
        is_promoted=True,
        is_shadow=False,
        reason=reason,
        trigger=promotions.ROLLBACK,
        episode_id=None,
        dagster_run_id=None,
        decided_at=None,
    )
    carry_out(engine, decision, settings)
    return decision


def _way_back(decisions: Sequence[promotions.Decision], name: str) -> promotions.Decision:
    """The newest decision about the version to return to.

    Raises:
        NothingToRollBackTo: There is no such version, or this release cannot read it: nothing would score.
    """
    version = promotions.version_before(decisions, name)
    found = next(past for past in reversed(decisions) if past.challenger_version == version)
    if name.startswith(registry.PREFIX) and found.model_format < FORMAT:
        raise NothingToRollBackTo(f"{name} version {version}, the champion before, was stored by an earlier release.")
    return found


def _critical_since(hours: Sequence[HourlyMean]) -> datetime | None:
    """Start of the first hours in a row, without a gap, that were all critical; None where there are none."""
    for first, last in zip(hours, hours[PERSISTENCE_HOURS - 1 :], strict=False):
        within = [hour for hour in hours if first.hour <= hour.hour <= last.hour]
        is_in_a_row = last.hour - first.hour == (PERSISTENCE_HOURS - 1) * HOUR
        if is_in_a_row and all(hour.mean < CRITICAL_BELOW for hour in within):
            return first.hour
    return None


def _hours_of(engine: Engine, reign: promotions.Decision, settings: MlSettings) -> list[HourlyMean]:
    """Hourly mean confidence for which a champion answers by its promotion, with enough samples, in order."""
    is_of_anomalies = reign.model_name.startswith(registry.PREFIX)  # forecasts of remaining life have no confidence
    if not is_of_anomalies or reign.trigger == promotions.ROLLBACK or reign.data_until is None:
        return []
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
                select
                    hour,
                    (sum(avg_confidence * sample_count) / sum(sample_count))::double precision as mean,
                    sum(sample_count)::bigint as sample_count
                from marts.fct_model_health_hourly
                where stream = 'champion' and equipment_class = :equipment_class and model_version = :version
                    and hour >= :since and hour < :until
                group by hour
                having sum(sample_count) >= :least
                order by hour
            """),
            {
                "equipment_class": reign.model_name.removeprefix(registry.PREFIX),
                "version": reign.challenger_version,
                "since": reign.data_until,
                "until": reign.data_until + timedelta(days=settings.rollback_days),
                "least": LEAST_SAMPLES,
            },
        )
        return [HourlyMean(row.hour, row.mean, row.sample_count) for row in rows]
