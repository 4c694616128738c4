"""The newest reading of each signal of a batch, as its INSERT takes them. Pure; SQL is in `inbox.py`."""

from collections.abc import Collection
from datetime import UTC, datetime

from msgspec import Struct

from ingestion_api.columns import ReadingColumns
from ingestion_api.layout import SignalKey


class LastValue(Struct, frozen=True):
    """A signal's newest reading."""

    equipment_code: str
    metric: str
    value: float
    quality: float
    event_time: datetime


def newest(columns: ReadingColumns, received_at: datetime, refused: Collection[int]) -> list[LastValue]:
    """Choose the accepted reading of each signal with the newest time; of equal times, the later one in the batch.

    They are in the order of the signals' names: two batches that lock the same rows do so in one order.
    """
    times = columns.event_time
    rows: dict[SignalKey, int]
    if not refused and columns.is_in_order:
        rows = columns.layout.last_rows
    else:
        rows = {}
        for row, signal in enumerate(columns.layout.signals):
            if columns.item_index[row] in refused:
                continue
            before = rows.get(signal)
            if before is None or (times[before] or received_at) <= (times[row] or received_at):
                rows[signal] = row
        rows = dict(sorted(rows.items()))
    # In UTC: PostgreSQL reads no offset of 16 hours or more, which devices may send.
    return [
        LastValue(
            *signal,
            float(columns.value[row]),
            float(columns.quality[row]),
            (times[row] or received_at).astimezone(UTC),
        )
        for signal, row in rows.items()
    ]
