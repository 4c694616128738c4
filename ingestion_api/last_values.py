"""The newest reading of each signal of a batch, as the arrays that its INSERT takes. Pure; SQL is in `inbox.py`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import le

from ingestion_api.alarms import SignalKey
from ingestion_api.columns import ReadingColumns


@dataclass(frozen=True)
class LastValues:
    """One row a signal, in the order of the signals' names: two batches that lock the same rows do so in one order."""

    equipment_code: list[str]
    metric: list[str]
    value: list[float]
    quality: list[float]
    event_time: list[datetime]


NOTHING = LastValues([], [], [], [], [])


def newest(columns: ReadingColumns, received_at: datetime, refused: Collection[int]) -> LastValues:
    """Choose the accepted reading of each signal with the newest time; of equal times, the later one in the batch."""
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
    chosen = [rows[signal] for signal in sorted(rows)]
    return LastValues(
        equipment_code=[columns.equipment_code[row] for row in chosen],
        metric=[columns.metric[row] for row in chosen],
        value=[float(columns.value[row]) for row in chosen],
        quality=[float(columns.quality[row]) for row in chosen],
        event_time=[times[row] or received_at for row in chosen],
    )
