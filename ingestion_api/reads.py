"""What the read API asks the marts: lists by page, and how healthy the classifier is. The wire is in `routes/reads.py`.

Pages go by the rows' own keys, so rows that arrive between two pages neither repeat nor hide another.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from ingestion_api import cursors, model_health
from ingestion_api.batch_items import Span
from ingestion_api.contract import Kind
from ingestion_api.cursors import Key
from ingestion_api.read_cache import ReadCache
from ingestion_api.read_store import ReadStore, Row

# How long a site's newest load is taken for the newest: what a cached answer costs the warehouse.
_FRESHNESS_S = 1.0
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A mart that is read by page.

    Attributes:
        keys: What its rows are ordered by, which names each within a site and whatever else a request fixes.
        filters: Column by parameter that a request may fix.
        span: The column that `from` and `to` bound, half-open.
        freshness: The column of the site's freshness that tells how far the rows reach.
    """

    view: str
    keys: Mapping[str, type[Key]]
    filters: Mapping[str, str]
    span: str
    freshness: str = "loaded_at"

    def query(self, parameters: Mapping[str, Any], *, is_next: bool) -> str:
        """Write the query; names are this module's own, values are parameters."""
        conditions = ["site_code = :site_code"]
        conditions += [f"{column} = :{name}" for name, column in self.filters.items() if name in parameters]
        conditions += [f"{self.span} >= :from_"] if "from_" in parameters else []
        conditions += [f"{self.span} < :to_"] if "to_" in parameters else []
        names = ", ".join(self.keys)
        if is_next:
            conditions.append(f"({names}) > ({', '.join(f':after_{name}' for name in self.keys)})")
        return f"select * from {self.view} where {' and '.join(conditions)} order by {names} limit :limit"


WORKERS = Listing(
    view="marts.fct_worker_kpis_daily",
    keys={"date": date, "worker_code": str},
    filters={"code": "worker_code"},
    span="date",
    freshness="summarized_until",
)
WORK_UNITS = Listing(
    view="marts.fct_work_unit_kpis_daily",
    keys={"date": date, "work_unit_code": str},
    filters={"code": "work_unit_code"},
    span="date",
    freshness="summarized_until",
)
SITE = Listing(
    view="marts.fct_site_kpis_daily", keys={"date": date}, filters={}, span="date", freshness="summarized_until"
)
READINGS = Listing(
    view="marts.fct_sensor_readings",
    keys={"event_time": datetime},
    filters={"equipment_code": "equipment_code", "metric": "metric"},
    span="event_time",
)
ANOMALIES = Listing(
    view="marts.fct_anomalies",
    keys={"started_at": datetime, "equipment_code": str, "model_name": str, "model_version": int},
    filters={"equipment_code": "equipment_code"},
    span="started_at",
)
MAINTENANCE_EVENTS = Listing(
    view="marts.fct_maintenance_events",
    keys={"detected_at": datetime, "equipment_code": str},
    filters={"equipment_code": "equipment_code", "severity": "severity", "is_resolved": "is_resolved"},
    span="detected_at",
)

_FRESHNESS = "select loaded_at, summarized_until from marts.fct_site_freshness where site_code = :site_code"
_SETTLEMENT = """
    select inserted_count as accepted, duplicate_count as duplicate, revised_count as revised, late_count as late,
        quarantined_count as quarantined, loaded_at
    from marts.fct_ingest_batches where site_code = :site_code and batch_seq = :batch_seq
"""


# Which items of a batch the warehouse has a version of, and of these, which found an earlier one of the same key.
def _versions(view: str, code: str, *key: str) -> str:
    same = " and ".join(f"earlier.{name} is not distinct from version.{name}" for name in (code, *key, "event_time"))
    return f"""
        select item_index, exists (
            select from {view} as earlier where earlier.site_code = version.site_code and {same}
            and (earlier.batch_seq, earlier.item_index) < (version.batch_seq, version.item_index)
        ) as is_revision
        from {view} as version
        where site_code = :site_code and batch_seq = :batch_seq and {code} = any(:codes)
        and event_time between :earliest and :latest
    """


_VERSIONS: dict[Kind, str] = {
    "readings": _versions("marts.fct_reading_versions", "equipment_code", "metric"),
    "events": _versions("marts.fct_event_versions", "source_code", "event_type", "work_unit_code", "worker_code"),
}


class Reads:
    """Answers from the marts.

    Args:
        store: The marts.
        now: The clock; returns UTC.
    """

    def __init__(self, store: ReadStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._cache = ReadCache(time.monotonic)
        self._fresh: dict[str, tuple[float, Row]] = {}

    async def page(self, listing: Listing, site_code: str, fixed: Mapping[str, Any], cursor: str | None) -> bytes:
        """Return a page of a site's rows, as JSON.

        Raises:
            MalformedRequest: The cursor is none.
            MartsUnavailable: As `ReadStore.rows`.
        """
        after = cursors.decode(cursor, list(listing.keys.values())) if cursor is not None else []
        freshness = await self._freshness(site_code)
        parameters = {**fixed, "site_code": site_code}
        parameters |= {f"after_{name}": value for name, value in zip(listing.keys, after, strict=False)}

        async def compute() -> bytes:
            query = listing.query(fixed, is_next=bool(after))
            rows = await self._store.rows(query, {**parameters, "limit": fixed["limit"] + 1})
            items = rows[: fixed["limit"]]
            is_more = len(rows) > len(items)
            return _encoder.encode(
                {
                    "items": items,
                    "next_cursor": cursors.encode([items[-1][name] for name in listing.keys]) if is_more else None,
                    "data_as_of": freshness.get(listing.freshness),
                    "computed_at": self._now(),
                }
            )

        key = (listing.view, tuple(sorted(parameters.items(), key=lambda item: item[0])))
        return await self._cache.get(key, tuple(freshness.values()), compute)

    async def model_health(self, site_code: str, stream: str) -> tuple[bytes, datetime | None]:
        """Return how sure a stream's models have been, as JSON, and how far the data reach.

        Raises:
            MartsUnavailable: As `ReadStore.rows`.
        """
        freshness = await self._freshness(site_code)
        parameters = {"site_code": site_code, "stream": stream}

        async def compute() -> bytes:
            rows = await self._store.rows(model_health.QUERY, parameters)
            return _encoder.encode(model_health.judge(rows[0]))

        key = ("model_health", site_code, stream)
        body = await self._cache.get(key, tuple(freshness.values()), compute)
        return body, freshness.get("summarized_until")

    async def settlement(self, site_code: str, batch_seq: int) -> Row:
        """Return what became of a batch in the warehouse: nothing yet, or its counts."""
        rows = await self._store.rows(_SETTLEMENT, {"site_code": site_code, "batch_seq": batch_seq})
        return {"status": "settled", **rows[0]} if rows else {"status": "pending"}

    async def versions(self, site_code: str, span: Span) -> dict[int, bool]:
        """Return which items of a loaded batch became versions, and whether there was one of the same key before."""
        about = {
            "batch_seq": span.batch_seq,
            "codes": list(span.codes),
            "earliest": span.earliest,
            "latest": span.latest,
        }
        rows = await self._store.rows(_VERSIONS[span.kind], {"site_code": site_code, **about})
        return {row["item_index"]: row["is_revision"] for row in rows}

    async def close(self) -> None:
        """Close the connections."""
        await self._store.close()

    async def _freshness(self, site_code: str) -> Row:
        at, row = self._fresh.get(site_code, (float("-inf"), {}))
        now = time.monotonic()
        if now - at >= _FRESHNESS_S:
            rows = await self._store.rows(_FRESHNESS, {"site_code": site_code})
            row = rows[0] if rows else {}
            self._fresh[site_code] = (now, row)
        return row
