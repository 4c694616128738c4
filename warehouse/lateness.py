"""How late the items of each batch came (C15, C17). Whether that is acceptable is judged in `expectations`."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from warehouse.arrow_columns import integers, microseconds

LATE_AFTER_S = 3600


@dataclass(frozen=True)
class Lateness:
    """Of one batch. Items without a device time say nothing about lateness and do not count.

    Attributes:
        device_timed_count: Items with a device time.
        late_count: Of these, received 60 minutes or more after their event.
        p95_s: Received minus event time, 95th percentile with linear interpolation; None without such items.
    """

    device_timed_count: int
    late_count: int
    p95_s: float | None


NOTHING_TIMED = Lateness(0, 0, None)


def lateness_by_batch(items: pa.Table) -> dict[int, Lateness]:
    """Lateness of each batch that has a device-timed item, by batch_seq."""
    is_device_timed = ~np.asarray(items.column("is_server_time").to_numpy(), dtype=np.bool_)
    delay_s = (microseconds(items, "received_at") - microseconds(items, "event_time"))[is_device_timed] / 1e6
    batch_seq = integers(items, "batch_seq")[is_device_timed]
    order = np.lexsort((delay_s, batch_seq))
    delay_s = delay_s[order]
    batches, starts, counts = np.unique(batch_seq[order], return_index=True, return_counts=True)
    rank = 0.95 * (counts - 1)
    below = np.floor(rank).astype(np.int64)
    above = np.ceil(rank).astype(np.int64)
    low, high = delay_s[starts + below], delay_s[starts + above]
    p95_s = low + (high - low) * (rank - below)
    late = np.add.reduceat(delay_s >= LATE_AFTER_S, starts, dtype=np.int64) if len(starts) else starts
    figures = zip(batches.tolist(), counts.tolist(), late.tolist(), p95_s.tolist(), strict=True)
    return {batch: Lateness(count, late_count, p95) for batch, count, late_count, p95 in figures}
