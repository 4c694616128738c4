"""Tells what became of each item of a batch: of its own rules, and of the versions that the warehouse made of it (D2).

Pure. The batch comes from `export.py`, the versions from the marts by `reads.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from ingestion_api.columns import Columns, ReadingColumns
from ingestion_api.contract import BatchReceipt, Kind
from warehouse.lateness import LATE_AFTER_S

Outcome = Literal["accepted", "duplicate", "revised", "pending", "unknown", "quarantined"]


class BatchItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a batch.

    Attributes:
        index: Where it stood.
        outcome: `accepted` is new; `revised` replaced another version; `duplicate` was held already; `pending` is not
            loaded yet; `unknown` is what the warehouse could not be asked for.
        is_late: Whether it came 60 minutes or more after its event, by the device's clock.
        reason_code: Of what was quarantined.
        detail: Likewise.
    """

    index: int
    outcome: Outcome
    is_late: bool = False
    reason_code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Span:
    """Where a batch's accepted items lie.

    Attributes:
        codes: Of their equipment, or of the sources of events.
    """

    kind: Kind
    batch_seq: int
    codes: Sequence[str]
    earliest: datetime
    latest: datetime


def span(receipt: BatchReceipt, columns: Columns) -> Span | None:
    """Say where to look for the accepted items; None where there are none."""
    refused = {refusal.index for refusal in receipt.refused}
    rows = [row for row, index in enumerate(columns.item_index) if index not in refused]
    if not rows:
        return None
    times = [columns.event_time[row] or receipt.received_at for row in rows]
    codes = columns.equipment_code if isinstance(columns, ReadingColumns) else columns.source_code
    return Span(receipt.kind, receipt.batch_seq, sorted({codes[row] for row in rows}), min(times), max(times))


def items(
    receipt: BatchReceipt, columns: Columns, versions: Mapping[int, bool] | Literal["pending", "unknown"]
) -> list[BatchItem]:
    """Put together what is known of each item.

    Args:
        receipt: As the batch was acknowledged.
        columns: Its items.
        versions: Of each item of which the warehouse has a version, whether there was one of the same key before; or
            why that is not known.
    """
    times = dict(zip(columns.item_index, columns.event_time, strict=True))
    found = [
        BatchItem(index=one.index, outcome="quarantined", reason_code=one.reason_code, detail=one.detail)
        for one in receipt.refused
    ]
    refused = {one.index for one in receipt.refused}
    found += [
        BatchItem(index=index, outcome=_outcome(index, versions), is_late=_is_late(at, receipt.received_at))
        for index, at in times.items()
        if index not in refused
    ]
    return sorted(found, key=lambda item: item.index)


def _outcome(index: int, versions: Mapping[int, bool] | Literal["pending", "unknown"]) -> Outcome:
    if isinstance(versions, str):
        return versions
    if index not in versions:
        return "duplicate"
    return "revised" if versions[index] else "accepted"


def _is_late(event_time: datetime | None, received_at: datetime) -> bool:
    return event_time is not None and received_at - event_time >= timedelta(seconds=LATE_AFTER_S)
