"""Ends the time for which a challenger scores beside the champion: promoted or refused. Scoring is in `ml.score`.

The rule, over the first `shadow_h` hours of data that its training did not see:

- the champion has scored past them, and the challenger at least 90 % of what the champion scored; until then it waits;
- the share of windows flagged, median over equipment, is within the cap: live data are taken as normal, and one machine
  that really fails does not decide;
- its mean confidence is in no worse band than the champion's (S1-059..061).

A first champion has nobody to score beside; it is promoted by the gate alone.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Engine, text

from ml import promotions
from ml.confidence_watch import band_of
from ml.errors import TrainingInProgress
from ml.promote import carry_out
from ml.promotions import Decision
from ml.settings import MlSettings

LEAST_COVERAGE: Final = 0.90
LEAST_WINDOWS: Final = 100
_BANDS: Final = ("critical", "warning", "healthy")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """What one version made of the shadow hours.

    Attributes:
        flagged: Share of windows flagged, median over equipment.
        confidence: Mean over windows.
    """

    window_count: int
    flagged: float
    confidence: float

    def figures(self) -> dict[str, float]:
        """For the ledger."""
        return {name: float(value) for name, value in vars(self).items()}


def settle(engine: Engine, *, settings: MlSettings | None = None) -> list[Decision]:
    """Decide about every challenger whose hours beside the champion are over; nothing changes if none is.

    Args:
        engine: The warehouse.
        settings: Read from the environment where None.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    done = []
    for shadow in promotions.shadows(engine):
        decision = _decide(engine, shadow, settings)
        if decision is None:
            continue
        try:
            with promotions.deciding(engine, shadow.model_name):
                if promotions.shadow_in(promotions.history(engine, shadow.model_name)) == shadow:
                    carry_out(engine, decision, settings)
                    done.append(decision)
        except TrainingInProgress as error:
            _log.info("%s; the next scoring looks again", error)
    return done


def ends_at(shadow: Decision, settings: MlSettings) -> datetime:
    """The event time, UTC, up to which a challenger scores beside the champion."""
    if shadow.data_until is None:
        raise ValueError(f"{shadow.model_name} version {shadow.challenger_version} does not say when its data ended")
    return shadow.data_until + timedelta(hours=settings.shadow_h)


def _decide(engine: Engine, shadow: Decision, settings: MlSettings) -> Decision | None:
    """The decision that is due; None while the challenger has to wait."""
    until = ends_at(shadow, settings)
    live = _live(engine, shadow, until)
    challenger, champion = live.get(shadow.challenger_version), live.get(shadow.champion_version or 0)
    if challenger is None or champion is None or not _has_scored_past(engine, shadow, until):
        return None
    if challenger.window_count < max(LEAST_WINDOWS, LEAST_COVERAGE * champion.window_count):
        return None
    is_promoted, reason = judge(challenger, champion, settings)
    figures = {"shadow": challenger.figures(), "shadow_champion": champion.figures()}
    return replace(
        shadow,
        is_promoted=is_promoted,
        is_shadow=False,
        reason=reason,
        episode_id=None,
        data_until=until,
        decided_at=None,
        metrics={**shadow.metrics, **figures},
    )


def judge(challenger: Live, champion: Live, settings: MlSettings) -> tuple[bool, str]:
    """Apply the rule; returns whether the challenger becomes champion, and why in a sentence."""
    beside = f"Over {settings.shadow_h:g} h beside the champion, {challenger.window_count:,} windows"
    flagged, cap = challenger.flagged, settings.false_alarm_cap
    if not flagged <= cap:
        return False, f"{beside}: it flags {flagged:.1%} of them; at most {cap:.0%} are allowed."
    own, others = band_of(challenger.confidence), band_of(champion.confidence)
    confidence = f"its mean confidence {challenger.confidence:.3f} is {own}"
    than = f"the champion's {champion.confidence:.3f} is {others}"
    if _BANDS.index(own) < _BANDS.index(others):
        return False, f"{beside}: {confidence}, {than}."
    return True, f"{beside}: it flags {flagged:.1%} of at most {cap:.0%}, {confidence}, {than}."


def _has_scored_past(engine: Engine, shadow: Decision, until: datetime) -> bool:
    """Whether the champion has scored a window that ends at or after the end of the shadow hours."""
    query = text("""
        select exists (
            select from ml.scores
            where event_time >= :until and model_name = :model_name and model_version = :version
        )
    """)
    with engine.connect() as connection:
        found = connection.scalar(
            query, {"until": until, "model_name": shadow.model_name, "version": shadow.champion_version}
        )
    return bool(found)


def _live(engine: Engine, shadow: Decision, until: datetime) -> Mapping[int, Live]:
    """What challenger and champion made of the shadow hours, by version; those that scored nothing are missing."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
                select
                    model_version,
                    count(*) as window_count,
                    avg(is_anomaly::int)::double precision as flagged,
                    sum(confidence) as confidence_sum
                from ml.scores
                where event_time > :since and event_time <= :until and model_name = :model_name
                    and model_version in (:challenger, :champion)
                group by model_version, site_code, equipment_code
            """),
            {
                "since": shadow.data_until,
                "until": until,
                "model_name": shadow.model_name,
                "challenger": shadow.challenger_version,
                "champion": shadow.champion_version,
            },
        ).all()
    live = {}
    for version in {row.model_version for row in rows}:
        own = [row for row in rows if row.model_version == version]
        windows = sum(row.window_count for row in own)
        confidence = sum(row.confidence_sum for row in own) / windows
        live[version] = Live(windows, float(np.median([row.flagged for row in own])), float(confidence))
    return live
