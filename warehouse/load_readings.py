"""Stages a page of readings. Which version of a reading counts is settled in `versions.py`."""

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from warehouse.arrow_columns import Integers, codes, first_of_key, integers, microseconds
from warehouse.copy_binary import copy_columns
from warehouse.signals import signal_ids
from warehouse.tables import reading_revisions, readings
from warehouse.versions import VersionedTable

READINGS = VersionedTable(
    current=readings,
    revisions=reading_revisions,
    key=("signal_id", "event_time"),
    content=("value", "quality"),
    hours="date_trunc('hour', v.event_time, 'UTC')",
)


def stage(connection: Connection, site_code: str, items: pa.Table) -> None:
    """Copy readings, as the API exports them, to the stage table; new signals get their ids on the way."""
    signal_id = _signal_ids(connection, site_code, items)
    event_time, batch_seq = microseconds(items, "event_time"), integers(items, "batch_seq")
    item_index = integers(items, "item_index")
    order, is_first = first_of_key([signal_id, event_time], batch_seq, item_index)
    columns = {
        "signal_id": ("int4", signal_id),
        "event_time": ("timestamptz", event_time),
        "value": ("float8", items.column("value").to_numpy()),
        "quality": ("float4", items.column("quality").to_numpy()),
        "is_server_time": ("bool", items.column("is_server_time").to_numpy()),
        "item_index": ("int2", item_index),
        "batch_seq": ("int8", batch_seq),
        "received_at": ("timestamptz", microseconds(items, "received_at")),
    }
    ordered = {name: (kind, values[order]) for name, (kind, values) in columns.items()}
    copy_columns(connection, READINGS.stage, {**ordered, "is_first": ("bool", is_first)})


def _signal_ids(connection: Connection, site_code: str, items: pa.Table) -> Integers:
    """Id of each row's signal, shape (row,)."""
    equipment, equipment_codes = codes(items, "equipment_code")
    metric, metrics = codes(items, "metric")
    unit, units = codes(items, "unit_code")
    pair, position = np.unique(equipment * len(metrics) + metric, return_inverse=True)
    unit_of: list[str | None] = [None] * len(pair)
    for combined in np.unique(position * len(units) + unit).tolist():
        unit_of[combined // len(units)] = unit_of[combined // len(units)] or units[combined % len(units)]
    signals = [
        (str(equipment_codes[code // len(metrics)]), str(metrics[code % len(metrics)]), unit_code)
        for code, unit_code in zip(pair.tolist(), unit_of, strict=True)
    ]
    return np.array(signal_ids(connection, site_code, signals), dtype=np.int64)[position]
