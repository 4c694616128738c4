"""What senders had to discard, as they count it themselves. Counting is the sender's; here the highest total is kept.

A total only grows, so a report may come twice, late or out of order and nothing is counted twice.
"""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from ingestion_api.contract import Loss, LossReport
from ingestion_api.errors import MalformedRequest
from ingestion_api.store import Store
from warehouse.tables import losses

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_SHOWN = [losses.c[name] for name in Loss.__struct_fields__]
_KEY = [losses.c.site_code, losses.c.client_id, losses.c.kind, losses.c.reason]


class Losses:
    """The table of losses.

    Args:
        store: The API's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def report(self, site_code: str, credential: str, report: LossReport, now: datetime) -> Loss:
        """Keep a report.

        Args:
            site_code: The sender's site.
            credential: The sender's key, by name.
            report: What it lost.
            now: When the report came.

        Returns:
            The loss as it now stands.

        Raises:
            MalformedRequest: The times cannot be.
        """
        if not EARLIEST <= report.first_at <= report.last_at <= LATEST:
            raise MalformedRequest("first_at must not be after last_at, and both must lie between 1970 and 2200")
        row = {name: getattr(report, name) for name in LossReport.__struct_fields__}
        statement = insert(losses).values(**row, site_code=site_code, credential=credential, reported_at=now)
        new = statement.excluded
        kept = statement.on_conflict_do_update(
            index_elements=_KEY,
            set_={
                "lost_total": func.greatest(losses.c.lost_total, new.lost_total),
                "first_at": func.least(losses.c.first_at, new.first_at),
                "last_at": func.greatest(losses.c.last_at, new.last_at),
                "credential": new.credential,
                "reported_at": func.greatest(losses.c.reported_at, new.reported_at),
            },
        )
        async with self._store.statements() as connection:
            return Loss(**(await connection.execute(kept.returning(*_SHOWN))).mappings().one())

    async def page(self, site_code: str, after: int, limit: int) -> list[Loss]:
        """Return a site's losses that follow a cursor, in the order in which they were first reported."""
        query = select(*_SHOWN).where(losses.c.site_code == site_code, losses.c.loss_id > after)
        async with self._store.statements() as connection:
            rows = await connection.execute(query.order_by(losses.c.loss_id).limit(limit))
            return [Loss(**row) for row in rows.mappings()]
