"""The newest reading of each signal of a batch, as its INSERT takes them. Pure; SQL is in `inbox.py`."""

from collections.abc import Collection
from datetime import UTC, datetime
from operator import le

from msgspec import Struct

from ingestion_api.alarms import SignalKey
from ingestion_api.columns import ReadingColumns


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
    signals = list(zip(columns.equipment_code, columns.metric, strict=True))
    rows: dict[SignalKey, int]
    if not refused and None not in times and all(map(le, times, times[1:])):  # type: ignore[arg-type]
        # As most batches are: a dict keeps the last of equal keys.
        rows = dict(zip(signals, range(len(signals)), strict=True))
    else:
        rows = {}
        for row, signal in enumerate(signals):
            if columns.item_index[row] in refused:
                continue
            before = rows.get(signal)
            if before is None or (times[before] or received_at) <= (times[row] or received_at):
                rows[signal] = row
    # In UTC: PostgreSQL reads no offset of 16 hours or more, which devices may send.
    return [
        LastValue(
            *signal,
            float(columns.value[row]),
            float(columns.quality[row]),
            (times[row] or received_at).astimezone(UTC),
        )
        for signal, row in sorted(rows.items())
    ]
