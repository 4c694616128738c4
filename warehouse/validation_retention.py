"""Deletes results of validations that are past their time (`ops.validation_results`). Holds and releases stay for good.

Nothing is computed from them, and no archive has them: what they led to is in `ops.holds`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from warehouse.ownership import require_owner

# What an hour waits for is shown as long as it waits.
_IS_HELD = (
    "exists (select from ops.holds as h where h.released_at is null and h.suite = r.suite"
    " and h.expectation = r.expectation and h.hour >= r.window_start and h.hour < r.window_end)"
)
_DELETE = text(f"delete from ops.validation_results as r where validated_at < :before and not {_IS_HELD}")
_KEPT = text("select count(*) from ops.validation_results where validated_at < :before")


@dataclass(frozen=True)
class RetainedValidations:
    """How many results were deleted, and how many stay though they are older: an hour is held by their expectation."""

    deleted: int
    kept: int


def retain_validations(connection: Connection, now: datetime, keep_days: int) -> RetainedValidations:
    """Delete results older than `keep_days`, but for those of hours that are held still.

    Args:
        connection: In a transaction.
        now: UTC.
        keep_days: Since they were recorded.

    Raises:
        NotOwner: The login does not own the warehouse's tables.
    """
    require_owner(connection)
    parameters = {"before": now - timedelta(days=keep_days)}
    deleted = connection.execute(_DELETE, parameters).rowcount
    return RetainedValidations(deleted, connection.execute(_KEPT, parameters).scalar_one())
