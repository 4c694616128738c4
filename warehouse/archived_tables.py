"""Which tables are archived, under which columns, and who shares a file. Writing, restoring and dropping are elsewhere.

A piece is what a family of tables (the current rows and their revisions) holds of one site, equipment class and UTC
day. It is archived, dropped and restored as a whole. Files use natural keys: a signal's number is this warehouse's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote

import pyarrow as pa
from sqlalchemy import Connection, text

from warehouse.load_events import EVENTS
from warehouse.load_readings import READINGS
from warehouse.versions import VersionedTable

Family = Literal["readings", "events", "scores", "alarms"]
FAMILIES: tuple[Family, ...] = get_args(Family)

_TIME = pa.timestamp("us", "UTC")
_VERSION = {
    "is_server_time": pa.bool_(),
    "item_index": pa.int16(),
    "batch_seq": pa.int64(),
    "load_id": pa.int64(),
    "received_at": _TIME,
    "recorded_at": _TIME,
}
_SIGNAL = {"site_code": pa.string(), "equipment_code": pa.string(), "metric": pa.string()}
_READING = {"event_time": _TIME, "value": pa.float64(), "quality": pa.float32(), **_VERSION}
_EVENT = {
    "site_code": pa.string(),
    "source_code": pa.string(),
    "event_type": pa.string(),
    "event_time": _TIME,
    "work_unit_code": pa.string(),
    "worker_code": pa.string(),
    "duration_s": pa.decimal128(9, 3),
    "units_produced": pa.int64(),
    "confidence": pa.float64(),
    **_VERSION,
}
_SCORE = {
    "site_code": pa.string(),
    "equipment_code": pa.string(),
    "event_time": _TIME,
    "model_name": pa.string(),
    "model_version": pa.int32(),
    "score": pa.float64(),
    "threshold": pa.float64(),
    "is_anomaly": pa.bool_(),
    "confidence": pa.float64(),
    "recorded_at": _TIME,
}
_ALARM_CHANGE = {
    "site_code": pa.string(),
    "change_seq": pa.int64(),
    "alarm_id": pa.int64(),
    "transition": pa.string(),
    "changed_at": _TIME,
    "value": pa.float64(),
    "changed_by": pa.string(),
    "rule_code": pa.string(),
    "equipment_code": pa.string(),
    "metric": pa.string(),
    "severity": pa.string(),
    "recorded_at": _TIME,
    "is_brief": pa.bool_(),
}
_SUPERSEDED = {"superseded_at": _TIME}
# By the driver's own placeholders, because COPY takes no others.
_IN_DAY = "t.event_time >= %(start)s and t.event_time < %(end)s"
_OF_PIECE = {
    "readings": f"t.signal_id = any(%(members)s) and {_IN_DAY}",
    "events": f"t.site_code = %(site_code)s and {_IN_DAY}",
    "scores": f"t.site_code = %(site_code)s and t.equipment_code = any(%(members)s) and {_IN_DAY}",
    # All of an alarm's life belongs to the day on which it was cleared: one that stands is of no day.
    "alarms": f"""t.site_code = %(site_code)s and t.alarm_id in (
        select t.alarm_id from raw.alarm_changes as t
        where t.site_code = %(site_code)s and t.transition = 'cleared' and {_IN_DAY.replace("event_time", "changed_at")}
    )""",
}


@dataclass(frozen=True)
class ArchivedTable:
    """A table that is archived.

    Attributes:
        name: As in `ops.archived_days`.
        family: Whose days are dropped together.
        relation: Schema and name.
        columns: Of a file, with their Arrow types, as they tell one row from another.
        notes: Further columns of a file, which may change while the rows stay.
        versioned: How current rows and revisions belong together; None for tables without versions, and for revisions.
        time: Column that says when a row happened.
    """

    name: str
    family: Family
    relation: str
    columns: Mapping[str, pa.DataType]
    notes: Mapping[str, pa.DataType]
    versioned: VersionedTable | None = None
    time: str = "event_time"

    @property
    def schema(self) -> pa.Schema:
        """Columns of a file."""
        return pa.schema({**self.columns, **self.notes})

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """Columns of the table."""
        if self.family != "readings":
            return tuple(self.columns)
        return ("signal_id", *(name for name in self.columns if name not in _SIGNAL))

    @property
    def all_rows(self) -> str:
        """SQL of the table's rows as files have them."""
        names = ", ".join(f"{'s' if name in _SIGNAL else 't'}.{name}" for name in self.columns)
        if self.family != "readings":
            return f"select {', '.join(f't.{name}' for name in self.columns)} from {self.relation} as t"
        return f"select {names}, s.unit_code from {self.relation} as t join raw.signals as s using (signal_id)"

    @property
    def rows(self) -> str:
        """SQL of a piece's rows as files have them."""
        return f"{self.all_rows} where {_OF_PIECE[self.family]}"

    @property
    def ordered_rows(self) -> str:
        """The same in their order there: the same rows make the same file."""
        return f"{self.rows} {self.order}"

    @property
    def order(self) -> str:
        """SQL of that order."""
        return f"order by {', '.join(name for name in self.columns if name in _KEYS)}"

    @property
    def delete(self) -> str:
        """SQL that deletes a piece."""
        return f"delete from {self.relation} as t where {_OF_PIECE[self.family]}"


_KEYS = {*_SIGNAL, *EVENTS.key, "model_name", "model_version", "batch_seq", "item_index", "change_seq"}
_UNIT = {"unit_code": pa.string()}
TABLES: tuple[ArchivedTable, ...] = (
    ArchivedTable("readings", "readings", "raw.readings", {**_SIGNAL, **_READING}, _UNIT, READINGS),
    ArchivedTable(
        "reading_revisions", "readings", "raw.reading_revisions", {**_SIGNAL, **_READING, **_SUPERSEDED}, _UNIT
    ),
    ArchivedTable("events", "events", "raw.events", _EVENT, {}, EVENTS),
    ArchivedTable("event_revisions", "events", "raw.event_revisions", {**_EVENT, **_SUPERSEDED}, {}),
    ArchivedTable("scores", "scores", "ml.scores", _SCORE, {}),
    ArchivedTable("alarm_changes", "alarms", "raw.alarm_changes", _ALARM_CHANGE, {}, time="changed_at"),
)


def tables_of(family: Family) -> tuple[ArchivedTable, ...]:
    """The tables of a family; the first one is the table of current rows."""
    return tuple(table for table in TABLES if table.family == family)


@dataclass(frozen=True)
class Group:
    """Whose rows are kept equally long: a site's equipment of one class, in one family of tables.

    Attributes:
        family: Of tables.
        site_code: The site.
        equipment_class: Empty: none, as of events, alarms and equipment that is not registered.
        members: Ids of the signals (readings) or codes of the equipment (scores).
    """

    family: Family
    site_code: str
    equipment_class: str
    members: tuple[int | str, ...]


@dataclass(frozen=True)
class Piece:
    """What a group has in a UTC day."""

    group: Group
    day: date

    def __str__(self) -> str:
        group = self.group
        of_class = f" ({group.equipment_class})" if group.equipment_class else ""
        return f"{group.family} of {group.site_code}{of_class}, {self.day}"

    @property
    def key(self) -> dict[str, object]:
        """Its key in `ops.archived_days`, without the table."""
        return {
            "site_code": self.group.site_code,
            "equipment_class": self.group.equipment_class,
            "day": self.day,
        }

    @property
    def parameters(self) -> dict[str, object]:
        """Of the SQL of its rows."""
        start, end = bounds(self.day)
        return {"site_code": self.group.site_code, "members": list(self.group.members), "start": start, "end": end}


def path_of(table: ArchivedTable, piece: Piece) -> Path:
    """Where a piece's file is: `readings/demo/2026-01-31_pump.parquet`. Codes are escaped as in URLs."""
    group = piece.group
    name = f"{piece.day}_{quote(group.equipment_class, safe='')}" if group.equipment_class else f"{piece.day}"
    return folder_of(table, group.site_code) / f"{name}.parquet"


def folder_of(table: ArchivedTable, site_code: str) -> Path:
    """Where a site's files are."""
    return Path(table.name) / quote(site_code, safe="").replace(".", "%2E")


def bounds(day: date) -> tuple[datetime, datetime]:
    """Start and end of a UTC day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


# How often a day's rows may have changed: loads touch hours; an alarm that is over has as many changes as it has rows.
_TOUCHED_HOURS = """
    select site_code, cast(hour at time zone 'UTC' as date) as day, cast(sum(touch_count) as bigint) as touch_count
    from raw.touched_hours where hour >= :start and hour < :end
    group by 1, 2 order by 2, 1
"""
_TOUCHED_DAYS = {
    "readings": _TOUCHED_HOURS,
    "events": _TOUCHED_HOURS,
    "scores": _TOUCHED_HOURS,
    "alarms": """
        select ended.site_code, cast(ended.changed_at at time zone 'UTC' as date) as day, count(*) as touch_count
        from raw.alarm_changes as ended join raw.alarm_changes as changes using (site_code, alarm_id)
        where ended.transition = 'cleared' and ended.changed_at >= :start and ended.changed_at < :end
        group by 1, 2 order by 2, 1
    """,
}


def touched_pieces(
    connection: Connection, families: Sequence[Family], start: date, end: date
) -> list[tuple[Piece, int]]:
    """The pieces from `start` until before `end` that may have rows, oldest first, and how often each was touched."""
    found: list[tuple[Piece, int]] = []
    for family in families:
        by_site: dict[str, list[Group]] = {}
        for group in groups(connection, family):
            by_site.setdefault(group.site_code, []).append(group)
        touched = text(_TOUCHED_DAYS[family])
        for row in connection.execute(touched, {"start": bounds(start)[0], "end": bounds(end)[0]}):
            found += [(Piece(group, row.day), row.touch_count) for group in by_site.get(row.site_code, [])]
    return sorted(found, key=lambda touched: (touched[0].day, touched[0].group.site_code))


# The class that the registry names last. It is asked here and not in the marts, so that old days can be cared for
# where dbt has built nothing yet.
_EQUIPMENT = """
    with classes as (
        select distinct on (site_code, code)
            site_code, code as equipment_code, coalesce(payload ->> 'equipment_class', '') as equipment_class
        from raw.registry_changes where entity = 'equipment'
        order by site_code, code, change_seq desc
    )
    select s.site_code, coalesce(c.equipment_class, '') as equipment_class,
        array_agg({member} order by {member}) as members
    from raw.signals as s left join classes as c using (site_code, equipment_code)
    group by 1, 2 order by 1, 2
"""
_SITES = """
    select distinct site_code, '' as equipment_class, cast(array[] as text[]) as members
    from raw.cursors order by 1
"""
_GROUPS = {
    "readings": _EQUIPMENT.format(member="s.signal_id"),
    "scores": _EQUIPMENT.format(member="s.equipment_code").replace("array_agg(", "array_agg(distinct "),
    "events": _SITES,
    "alarms": _SITES,
}


def groups(connection: Connection, family: Family) -> list[Group]:
    """The groups of a family, as the registry has them now."""
    rows = connection.execute(text(_GROUPS[family]))
    return [Group(family, row.site_code, row.equipment_class, tuple(row.members)) for row in rows]
