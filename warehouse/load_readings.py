"""Stores or stages a page of readings. Which version of a reading counts is settled in `versions.py`."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from warehouse.arrow_columns import (
    EPOCH,
    MICROSECOND,
    Integers,
    codes,
    first_of_key,
    hours_with_receipts,
    integers,
    microseconds,
    time_span,
)
from warehouse.copy_binary import Column, copy_columns
from warehouse.signals import find_signals, hours_of
from warehouse.tables import reading_revisions, readings
from warehouse.versions import StagedPage, VersionedTable

READINGS = VersionedTable(
    current=readings,
    revisions=reading_revisions,
    key=("signal_id", "event_time"),
    content=("value", "quality"),
    hours="date_trunc('hour', v.event_time, 'UTC')",
)

_NEWEST = text(
    """
    select s.signal_id, n.newest_us from unnest(cast(:signal_ids as integer[])) as s (signal_id)
    cross join lateral (
        select (extract(epoch from r.event_time) * 1000000)::bigint as newest_us from raw.readings as r
        where r.signal_id = s.signal_id order by r.event_time desc limit 1
    ) as n
    """
)


def stage(connection: Connection, site_code: str, items: pa.Table, load_id: int, recorded_at: datetime) -> StagedPage:
    """Copy readings, as the API exports them: to the table what cannot be there yet, to the stage table what may be.

    Nearly all that comes is new, and COPY writes it in two thirds of the time that an INSERT from a stage table takes.
    New signals get their ids on the way.
    """
    signal_id, labelled_ids = _signal_ids(connection, site_code, items, recorded_at)
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
    is_new = is_first & _is_beyond(connection, signal_id[order], event_time[order])
    new, rest = order[is_new], order[~is_new]
    if len(new):
        load = {"load_id": ("int8", np.full(len(new), load_id))}
        load["recorded_at"] = ("timestamptz", np.full(len(new), (recorded_at - EPOCH) // MICROSECOND))
        copy_columns(connection, "raw.readings", _rows(columns, new) | load)
    if len(rest):
        copy_columns(connection, READINGS.stage, _rows(columns, rest) | {"is_first": ("bool", is_first[~is_new])})
    # The rollups show the unit: those of earlier hours did not have it yet.
    labelled: dict[datetime, set[datetime]] = {hour: set() for hour in hours_of(connection, labelled_ids)}
    hours = labelled | hours_with_receipts(event_time[new], microseconds(items, "received_at")[new])
    seqs, counts = np.unique(batch_seq[new], return_counts=True)
    stored = dict(zip(seqs.tolist(), counts.tolist(), strict=True))
    return StagedPage(len(rest), int(is_first[~is_new].sum()), *time_span(items, "event_time"), stored, hours)


def _rows(columns: Mapping[str, tuple[str, Column]], positions: Integers) -> dict[str, tuple[str, Column]]:
    return {name: (kind, values[positions]) for name, (kind, values) in columns.items()}


def _is_beyond(connection: Connection, signal_id: Integers, event_time: Integers) -> NDArray[np.bool_]:
    """Whether each reading is later than all that is stored of its signal, shape (row,).

    Only a load of the same site adds readings to a signal, and of these one is let in at a time.
    """
    signals, position = np.unique(signal_id, return_inverse=True)
    newest = {row.signal_id: row.newest_us for row in connection.execute(_NEWEST, {"signal_ids": signals.tolist()})}
    before_all = np.iinfo(np.int64).min
    stored = np.array([newest.get(signal, before_all) for signal in signals.tolist()], dtype=np.int64)
    return np.asarray(event_time > stored[position], dtype=np.bool_)


def _signal_ids(
    connection: Connection, site_code: str, items: pa.Table, recorded_at: datetime
) -> tuple[Integers, list[int]]:
    """Id of each row's signal, shape (row,), and the ids whose unit was unknown until now."""
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
    found = find_signals(connection, site_code, signals, recorded_at)
    return np.array(found.signal_ids, dtype=np.int64)[position], found.labelled_ids
