"""The promotion ledger, `ml.promotions`: every decision about a model, and the lock under which it is taken.

What decides is in `ml.gate`; moving the alias, in `ml.registry`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from ml.errors import NothingToRollBackTo, TrainingInProgress
from ml.gate import Outcome
from warehouse.tables import promotions

ROLLBACK = "rollback"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One row of the ledger.

    Attributes:
        challenger_version: The version that it was about.
        champion_version: The champion at the time; None: none.
        is_shadow: It scores beside the champion until the next decision about it.
        trigger: initial, schedule, drift, manual or rollback.
        decided_at: UTC; None before it is recorded.
        data_until: The newest reading that was decided on, UTC. A champion answers for what comes after.
        metrics: Figures of everybody in the contest, and the format of the version's files.
    """

    model_name: str
    challenger_version: int
    champion_version: int | None
    is_promoted: bool
    reason: str
    trigger: str
    mlflow_run_id: str
    is_shadow: bool = False
    data_until: datetime | None = None
    episode_id: str | None = None
    dagster_run_id: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    decided_at: datetime | None = None

    @property
    def model_format(self) -> int:
        """Of the version's files (`ml.anomaly_model.FORMAT`); 1 where its training did not count formats yet."""
        return int(self.metrics.get("format", 1))

    @property
    def outcome(self) -> Outcome:
        """What became of the version."""
        if self.is_promoted:
            return Outcome.PROMOTED
        return Outcome.SHADOW if self.is_shadow else Outcome.KEPT


@contextmanager
def deciding(engine: Engine, model_name: str) -> Iterator[None]:
    """Hold the right to train and decide about a model; PostgreSQL takes it back when the process dies.

    Of two at once, in whatever processes, one wins and the other is told so.

    Raises:
        TrainingInProgress: Somebody else holds it.
    """
    key = {"key": f"ml.promotions:{model_name}"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("select pg_try_advisory_lock(hashtextextended(:key, 0))"), key):
            raise TrainingInProgress(
                f"Another training, promotion or rollback of {model_name} is running; this one gives way. Start it "
                "again later."
            )
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(hashtextextended(:key, 0))"), key)


def record(connection: Connection, decision: Decision) -> None:
    """Append a decision."""
    row = {name: value for name, value in vars(decision).items() if name != "decided_at"}
    connection.execute(insert(promotions).values(row | {"metrics": dict(decision.metrics)}))


def history(engine: Engine, model_name: str) -> list[Decision]:
    """All decisions about a model, oldest first."""
    wanted = select(promotions).where(promotions.c.model_name == model_name).order_by(promotions.c.promotion_id)
    return _read(engine, wanted)


def shadow_in(decisions: Sequence[Decision]) -> Decision | None:
    """The decision that made a version score beside the champion, if it still does.

    Args:
        decisions: All about one model, oldest first. The newest shadow is the only one, and ends with the next decision
            about its version or, as it was measured against another champion, with the next change of the champion.
    """
    found: Decision | None = None
    for decision in decisions:
        if decision.is_shadow:
            found = decision
        elif found and (decision.is_promoted or decision.challenger_version == found.challenger_version):
            found = None
    return found


def reign_in(decisions: Sequence[Decision]) -> Decision | None:
    """The decision that made the present champion, if there is one; decisions as in `shadow_in`."""
    return next((decision for decision in reversed(decisions) if decision.is_promoted), None)


def shadows(engine: Engine) -> list[Decision]:
    """The decisions that made versions score beside their champions which still do, by model."""
    return [decision for decision in map(shadow_in, _by_model(engine)) if decision]


def reigns(engine: Engine) -> list[Decision]:
    """The decisions that made the present champions, by model."""
    return [decision for decision in map(reign_in, _by_model(engine)) if decision]


def _by_model(engine: Engine) -> Iterator[list[Decision]]:
    """The whole ledger, model by model, oldest first."""
    ordered = select(promotions).order_by(promotions.c.model_name, promotions.c.promotion_id)
    for _, decisions in groupby(_read(engine, ordered), key=lambda decision: decision.model_name):
        yield list(decisions)


def answer_to(engine: Engine, episode_id: str) -> Decision | None:
    """The decision by which a training answered a drift episode, if one did."""
    ordered = select(promotions).where(promotions.c.episode_id == episode_id).order_by(promotions.c.promotion_id)
    found = _read(engine, ordered.limit(1))
    return found[0] if found else None


def version_before(decisions: Sequence[Decision], model_name: str) -> int:
    """The champion to return to: the one before the present, not counting those that were rolled back.

    Args:
        decisions: All about the model, oldest first.
        model_name: For the message.

    Raises:
        NothingToRollBackTo: There is none.
    """
    reigns: list[int] = []
    for decision in decisions:
        if decision.trigger == ROLLBACK:
            reigns.pop()
        elif decision.is_promoted:
            reigns.append(decision.challenger_version)
    if len(reigns) < 2:
        raise NothingToRollBackTo(f"{model_name} has no champion before the present one, so there is no way back.")
    return reigns[-2]


def _read(engine: Engine, statement: Any) -> list[Decision]:
    with engine.connect() as connection:
        rows = connection.execute(statement).mappings().all()
    return [Decision(**{name: value for name, value in row.items() if name != "promotion_id"}) for row in rows]
