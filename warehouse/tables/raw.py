"""Schema `raw` of the warehouse: readings and events as loaded, their revisions, and the ledgers."""

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from warehouse.tables.metadata import utc, warehouse_metadata

signals = Table(
    "signals",
    warehouse_metadata,
    Column("signal_id", Integer, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("unit_code", Text, comment="UCUM, as first seen"),
    utc("recorded_at", now=True),
    utc("unit_recorded_at", nullable=True),
    UniqueConstraint("site_code", "equipment_code", "metric"),
    schema="raw",
)


def _reading_columns() -> list[Column[object]]:
    return [
        Column("signal_id", Integer, nullable=False),
        Column("item_index", SmallInteger, nullable=False, comment="Position in the batch"),
        Column("is_server_time", Boolean, nullable=False, comment="The device sent no time (C15)"),
        utc("event_time"),
        Column("value", Double, nullable=False),
        Column("quality", REAL, nullable=False, comment="0 to 1 (S4-005)"),
        Column("batch_seq", BigInteger, nullable=False, comment="The inbox batch that brought this version"),
        Column("load_id", BigInteger, nullable=False),
        utc("received_at"),
        utc("recorded_at"),
    ]


readings = Table(
    "readings",
    warehouse_metadata,
    *_reading_columns(),
    PrimaryKeyConstraint("signal_id", "event_time"),
    Index(None, "event_time"),
    Index(None, "recorded_at", postgresql_using="brin"),
    schema="raw",
    comment="One row per signal and event time: the newest version received (D4). Hypertable where the server can.",
)
reading_revisions = Table(
    "reading_revisions",
    warehouse_metadata,
    *_reading_columns(),
    utc("superseded_at"),
    PrimaryKeyConstraint("signal_id", "event_time", "batch_seq", "item_index"),
    schema="raw",
    comment="Versions that a newer one replaced, believed from recorded_at until superseded_at.",
)


_EVENT_TYPES = "working, idle, absent, down, product_count or scrap_count (S1-003, ISO 22400)"


def _event_columns() -> list[Column[object]]:
    return [
        Column("site_code", Text, nullable=False),
        Column("source_code", Text, nullable=False, comment="Camera or device that saw it"),
        Column("event_type", Text, nullable=False, comment=_EVENT_TYPES),
        utc("event_time"),
        Column("work_unit_code", Text, nullable=False, server_default="", comment="Empty: none"),
        Column("worker_code", Text, nullable=False, server_default="", comment="Empty: none"),
        Column("duration_s", Numeric(9, 3), comment="NULL: the state lasts until the next event (C12)"),
        Column("units_produced", BigInteger, comment="Of a scrap_count: scrapped ones"),
        Column("confidence", Double, comment="0 to 1, of the edge classifier (S1-004)"),
        Column("is_server_time", Boolean, nullable=False),
        Column("item_index", SmallInteger, nullable=False),
        Column("batch_seq", BigInteger, nullable=False),
        Column("load_id", BigInteger, nullable=False),
        utc("received_at"),
        utc("recorded_at"),
    ]


EVENT_KEY = ("site_code", "source_code", "event_type", "event_time", "work_unit_code", "worker_code")

events = Table(
    "events",
    warehouse_metadata,
    *_event_columns(),
    PrimaryKeyConstraint(*EVENT_KEY),
    Index(None, "event_time"),
    Index(None, "worker_code", "event_time"),
    Index(None, "work_unit_code", "event_time"),
    Index(None, "recorded_at", postgresql_using="brin"),
    schema="raw",
    comment="One row per source, type, event time, work unit and worker: the newest version received (D4).",
)
event_revisions = Table(
    "event_revisions",
    warehouse_metadata,
    *_event_columns(),
    utc("superseded_at"),
    PrimaryKeyConstraint(*EVENT_KEY, "batch_seq", "item_index"),
    schema="raw",
)
loads = Table(
    "loads",
    warehouse_metadata,
    Column("load_id", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="readings, events, registry or alarms"),
    Column("cursor_from", BigInteger, nullable=False),
    Column("cursor_to", BigInteger, nullable=False),
    Column("item_count", BigInteger, nullable=False),
    Column("inserted_count", BigInteger, nullable=False),
    Column("revised_count", BigInteger, nullable=False),
    Column("duplicate_count", BigInteger, nullable=False),
    Column("late_count", BigInteger, nullable=False),
    Column("dagster_run_id", Text),
    utc("recorded_at", now=True),
    schema="raw",
)
batches = Table(
    "batches",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("batch_seq", BigInteger, nullable=False),
    Column("batch_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("credential", Text, nullable=False, comment="The source: name of the API key"),
    Column("is_replay", Boolean, nullable=False),
    Column("item_count", Integer, nullable=False),
    Column("accepted_count", Integer, nullable=False),
    Column("quarantined_count", Integer, nullable=False),
    Column("quarantine_reasons", JSONB, nullable=False, comment="reason_code: item count"),
    Column("inserted_count", Integer, nullable=False),
    Column("revised_count", Integer, nullable=False),
    Column("duplicate_count", Integer, nullable=False),
    Column("device_timed_count", Integer, nullable=False, comment="Accepted items with a device time (C15)"),
    Column("late_count", Integer, nullable=False, comment="Of these, received 60 min or more after their event (C48)"),
    Column("lateness_p95_s", Double, comment="NULL where no accepted item carries a device time"),
    Column("load_id", BigInteger, ForeignKey("raw.loads.load_id"), nullable=False),
    utc("received_at"),
    utc("recorded_at", now=True),
    # Behind the others, where a table that is older than the column has it.
    Column("lateness_p50_s", Double, comment="NULL as lateness_p95_s, and in batches older than the column"),
    PrimaryKeyConstraint("site_code", "batch_seq"),
    Index(None, "received_at"),
    Index(None, "load_id"),
    schema="raw",
    comment="The ingest ledger: one row per inbox batch, settled when it is loaded.",
)
warehouse_registry_changes = Table(
    "registry_changes",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("change_seq", BigInteger, nullable=False),
    Column("entity", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("changed_by", Text, nullable=False),
    utc("changed_at"),
    utc("recorded_at", now=True),
    PrimaryKeyConstraint("site_code", "change_seq"),
    Index(None, "site_code", "entity", "code", "change_seq"),
    schema="raw",
)
warehouse_alarm_changes = Table(
    "alarm_changes",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("change_seq", BigInteger, nullable=False),
    Column("alarm_id", BigInteger, nullable=False),
    Column("transition", Text, nullable=False, comment="raised, acknowledged or cleared"),
    utc("changed_at"),
    Column("value", Double, comment="Of the reading that did it"),
    Column("changed_by", Text, comment="Name of the API key that acknowledged"),
    Column("rule_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("severity", Text, nullable=False, comment="critical, high, medium or low, when it was raised (C23)"),
    utc("recorded_at", now=True),
    # Behind the others, where a table that is older than the column has it.
    Column(
        "is_brief",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Of a raised one: cleared within a day, so that it never counts as standing",
    ),
    PrimaryKeyConstraint("site_code", "change_seq"),
    Index(None, "site_code", "alarm_id"),
    Index(None, "site_code", "changed_at"),
    Index(None, "changed_at"),
    Index(None, "severity", "changed_at"),
    Index("ix_alarm_changes_lasting", "changed_at", postgresql_where=text("transition = 'raised' and not is_brief")),
    schema="raw",
    comment="What became of alarms, as each site's API logged it (D3). One row per site and change.",
)
cursors = Table(
    "cursors",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column(
        "position", BigInteger, nullable=False, comment="Last batch_seq (change_seq for registry and alarms) loaded"
    ),
    utc("updated_at", now=True),
    PrimaryKeyConstraint("site_code", "kind"),
    schema="raw",
)
touched_hours = Table(
    "touched_hours",
    warehouse_metadata,
    Column("site_code", Text, nullable=False, comment="Whose hour it is"),
    utc("hour", comment="Its first instant"),
    Column("touch_count", BigInteger, nullable=False, comment="Rises with each load that touches the hour"),
    Column("rolled_up_count", BigInteger, nullable=False, server_default=text("0"), comment="touch_count at rollup"),
    Column("summarized_count", BigInteger, nullable=False, server_default=text("0"), comment="… in daily marts"),
    utc("touched_at", comment="When a load touched it last"),
    Column(
        "received_hours",
        ARRAY(DateTime(timezone=True)),
        nullable=False,
        server_default=text("'{}'"),
        comment="In which was received what changed it since it was rolled up",
    ),
    Column(
        "judged_at", DateTime(timezone=True), comment="What was recorded up to then is judged; NULL where nothing is"
    ),
    PrimaryKeyConstraint("site_code", "hour"),
    Index(None, "hour"),
    Index("ix_touched_hours_pending", "hour", postgresql_where=text("summarized_count < touch_count")),
    schema="raw",
    comment="The touched-hours ledger (D6): an hour is pending while a consumer's count is behind touch_count.",
)
reference_builds = Table(
    "reference_builds",
    warehouse_metadata,
    Column("build_id", BigInteger, Identity(always=True), primary_key=True),
    Column("content", Text, nullable=False, comment="Hash of the dbt project and cursors of the sites' registries"),
    utc("built_at", now=True),
    schema="raw",
    comment="What the reference models were built for; the newest row holds.",
)
