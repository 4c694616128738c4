"""How late the items of each batch came (C15, C17). Whether that is acceptable is judged in `expectations`."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from warehouse.arrow_columns import Integers, integers, microseconds

LATE_AFTER_S = 3600
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lateness:
    """Of one batch. Items without a device time say nothing about lateness and do not count.

    Attributes:
        device_timed_count: Items with a device time.
        late_count: Of these, received 60 minutes or more after their event.
        p50_s: Received minus event time, median with linear interpolation; None without such items.
        p95_s: The 95th percentile of the same.
    """

    device_timed_count: int
    late_count: int
    p50_s: float | None
    p95_s: float | None


NOTHING_TIMED = Lateness(0, 0, None, None)


def lateness_by_batch(items: pa.Table) -> dict[int, Lateness]:
    """Lateness of each batch that has a device-timed item, by batch_seq."""
    is_device_timed = ~np.asarray(items.column("is_server_time").to_numpy(), dtype=np.bool_)
    delay_s = (microseconds(items, "received_at") - microseconds(items, "event_time"))[is_device_timed] / 1e6
    batch_seq = integers(items, "batch_seq")[is_device_timed]
    order = np.lexsort((delay_s, batch_seq))
    delay_s = delay_s[order]
    batches, starts, counts = np.unique(batch_seq[order], return_index=True, return_counts=True)
    p50_s, p95_s = (_percentiles(delay_s, starts, counts, share) for share in (0.5, 0.95))
    late = np.add.reduceat(delay_s >= LATE_AFTER_S, starts, dtype=np.int64) if len(starts) else starts
    figures = zip(counts.tolist(), late.tolist(), p50_s.tolist(), p95_s.tolist(), strict=True)
    return {batch: Lateness(*of_batch) for batch, of_batch in zip(batches.tolist(), figures, strict=True)}


def _percentiles(ordered: Floats, starts: Integers, counts: Integers, share: float) -> Floats:
    """The value that a share of each batch stays within, shape (batch,), interpolated between neighbours."""
    rank = share * (counts - 1)
    below, above = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
    low, high = ordered[starts + below], ordered[starts + above]
    return np.asarray(low + (high - low) * (rank - below), dtype=np.float64)
