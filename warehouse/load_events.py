"""Stages a page of events. Which version of an event counts is settled in `versions.py`."""

import io
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from sqlalchemy import Connection

from warehouse.arrow_columns import codes, first_of_key, integers, microseconds, time_span
from warehouse.copy_binary import copy
from warehouse.tables import EVENT_KEY, event_revisions, events
from warehouse.versions import StagedPage, VersionedTable

# An event changes the state interval before it, which lasts max_state_gap_s of dbt_project.yml at most (C12), and its
# own time.
MAX_STATE_GAP_S: Final = 900
_MAX_STATE_GAP = f"interval '{MAX_STATE_GAP_S} seconds'"

EVENTS = VersionedTable(
    current=events,
    revisions=event_revisions,
    key=EVENT_KEY,
    content=("duration_s", "units_produced", "confidence"),
    hours=f"""generate_series(
        date_trunc('hour', v.event_time - {_MAX_STATE_GAP}, 'UTC'),
        v.event_time + greatest(coalesce(v.duration_s, 0)::double precision * interval '1 second', {_MAX_STATE_GAP})
            - interval '1 microsecond',
        interval '1 hour')""",
)


def stage(connection: Connection, site_code: str, items: pa.Table, load_id: int, recorded_at: datetime) -> StagedPage:
    """Copy events, as the API exports them, to the stage table; the load they come by makes no difference yet."""
    key = [codes(items, name)[0] for name in EVENT_KEY if name not in {"site_code", "event_time"}]
    key.append(microseconds(items, "event_time"))
    order, is_first = first_of_key(key, integers(items, "batch_seq"), integers(items, "item_index"))
    columns = {name: _plain(items.column(name)) for name in EVENTS.columns if name != "site_code"}
    rows = pa.table({"site_code": pa.repeat(site_code, items.num_rows), **columns}).take(pa.array(order))
    buffer = io.BytesIO()
    rows = rows.append_column("is_first", pa.array(is_first))
    # Text is quoted and NULL is not: so '' stays ''.
    csv.write_csv(rows, buffer, csv.WriteOptions(include_header=False, quoting_style="needed"))
    copy(connection, f"copy {EVENTS.stage} ({', '.join(rows.column_names)}) from stdin (format csv)", buffer.getvalue())
    return StagedPage(len(order), int(is_first.sum()), *time_span(items, "event_time"))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column
