"""What loads did, as `raw.loads` and `raw.batches` have it: by kind, and batch by batch. Loading is `load.py`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Engine, cast, func, select

from warehouse.tables import batches, loads


@dataclass(frozen=True)
class Loaded:
    """What the loads of one run brought of a kind. Items = inserted + revised + duplicate.

    Attributes:
        kind: `readings`, `events`, `registry` or `alarms`.
        first_load_id: Of its pages; rows bear the number of the page that brought them.
        last_load_id: The same.
        cursor_from: The sequence number behind which the run began.
        cursor_to: How far it came.
        item_count: Items that the API accepted, or changes of a log.
        inserted_count: New keys.
        revised_count: Known keys with new content.
        duplicate_count: Items that brought nothing new.
        late_count: Device-timed items received 60 minutes or more after their event.
    """

    kind: str
    first_load_id: int
    last_load_id: int
    cursor_from: int
    cursor_to: int
    item_count: int
    inserted_count: int
    revised_count: int
    duplicate_count: int
    late_count: int


@dataclass(frozen=True)
class Batch:
    """A batch of the inbox and what became of its items."""

    batch_seq: int
    batch_id: UUID
    kind: str
    credential: str
    received_at: datetime
    item_count: int
    quarantined_count: int
    inserted_count: int
    revised_count: int
    duplicate_count: int


def newest_load_id(engine: Engine) -> int:
    """The number of the newest load, 0 before the first: later loads have greater ones."""
    with engine.connect() as connection:
        return connection.scalar(select(func.coalesce(func.max(loads.c.load_id), 0))) or 0


def loaded_by(engine: Engine, dagster_run_id: str, after: int) -> dict[str, Loaded]:
    """What a run has loaded since the load `after`, by kind; kinds of which nothing came are missing."""
    counts = ("item_count", "inserted_count", "revised_count", "duplicate_count", "late_count")
    query = (
        select(
            loads.c.kind,
            func.min(loads.c.load_id).label("first_load_id"),
            func.max(loads.c.load_id).label("last_load_id"),
            func.min(loads.c.cursor_from).label("cursor_from"),
            func.max(loads.c.cursor_to).label("cursor_to"),
            # PostgreSQL sums bigints up to a numeric.
            *(cast(func.sum(loads.c[name]), BigInteger).label(name) for name in counts),
        )
        .where(loads.c.load_id > after, loads.c.dagster_run_id == dagster_run_id)
        .group_by(loads.c.kind)
    )
    with engine.connect() as connection:
        return {row.kind: Loaded(**row._mapping) for row in connection.execute(query)}


def newest_batches(engine: Engine, dagster_run_id: str, after: int, limit: int) -> Sequence[Batch]:
    """The newest batches that a run has loaded since the load `after`, the newest first."""
    columns = [batches.c[name] for name in Batch.__dataclass_fields__]
    query = (
        select(*columns)
        .join(loads, loads.c.load_id == batches.c.load_id)
        .where(batches.c.load_id > after, loads.c.dagster_run_id == dagster_run_id)
        .order_by(batches.c.batch_seq.desc())
        .limit(limit)
    )
    with engine.connect() as connection:
        return [Batch(**row._mapping) for row in connection.execute(query)]
