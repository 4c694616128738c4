"""Every table that Python writes, in both databases. Tables that dbt builds do not belong here.

`api_metadata` is the ingestion API's own database (schemas `inbox`, `registry`); `warehouse_metadata` is the warehouse
(schemas `raw`, `ml`, `ops`). The Alembic migrations create them; tests compare the two.
"""

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

api_metadata = MetaData(naming_convention=NAMING)
warehouse_metadata = MetaData(naming_convention=NAMING)


def _utc(name: str, *, nullable: bool = False, now: bool = False) -> Column[object]:
    """A `timestamptz` column; `now` lets the server fill it."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=func.now() if now else None)


# --- registry (the API's database): ISA-95 master data, current state ------------------------------------------------

sites = Table(
    "sites",
    api_metadata,
    Column("site_code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False, comment="IANA name, such as Europe/Berlin"),
    _utc("updated_at", now=True),
    schema="registry",
)


def _registry(name: str, code: str, *columns: Column[object]) -> Table:
    """A registry table keyed by (site_code, code)."""
    return Table(
        name,
        api_metadata,
        Column("site_code", Text, ForeignKey("registry.sites.site_code"), nullable=False),
        Column(code, Text, nullable=False),
        *columns,
        _utc("updated_at", now=True),
        PrimaryKeyConstraint("site_code", code),
        schema="registry",
    )


work_centers = _registry(
    "work_centers", "work_center_code", Column("name", Text, nullable=False), Column("area_code", Text)
)
work_units = _registry(
    "work_units",
    "work_unit_code",
    Column("name", Text, nullable=False),
    Column("work_center_code", Text),
    Column("target_units_per_h", Double, comment="Production target, units per hour (S1-030)"),
)
equipment = _registry(
    "equipment",
    "equipment_code",
    Column("name", Text, nullable=False),
    Column("equipment_class", Text, nullable=False),
    Column("work_unit_code", Text),
)
workers = _registry(
    "workers",
    "worker_code",
    Column("department", Text),
    Column("shift_code", Text),
    _utc("active_since", nullable=True),
)
shifts = _registry(
    "shifts",
    "shift_code",
    Column("name", Text, nullable=False),
    Column("starts_at_local", Text, nullable=False, comment="HH:MM in the site's time zone"),
    Column("ends_at_local", Text, nullable=False, comment="HH:MM; earlier than the start means the next day"),
)
api_signals = Table(
    "signals",
    api_metadata,
    Column("site_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("unit_code", Text, comment="UCUM"),
    Column("low_limit", Double, comment="Lowest physically plausible value, in unit_code"),
    Column("high_limit", Double, comment="Highest physically plausible value, in unit_code"),
    Column("is_reviewed", Boolean, nullable=False, server_default=text("false")),
    _utc("updated_at", now=True),
    PrimaryKeyConstraint("site_code", "equipment_code", "metric"),
    ForeignKeyConstraint(
        ["site_code", "equipment_code"], ["registry.equipment.site_code", "registry.equipment.equipment_code"]
    ),
    schema="registry",
)
registry_changes = Table(
    "changes",
    api_metadata,
    Column("change_seq", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, ForeignKey("registry.sites.site_code"), nullable=False),
    Column("entity", Text, nullable=False, comment="Table name in schema registry"),
    Column("code", Text, nullable=False, comment="Key below the site; equipment_code/metric for signals"),
    Column("payload", JSONB, nullable=False),
    Column("changed_by", Text, nullable=False, comment="Name of the API key"),
    _utc("changed_at", now=True),
    Index(None, "site_code", "change_seq"),
    schema="registry",
)

# --- inbox (the API's database) --------------------------------------------------------------------------------------

api_keys = Table(
    "api_keys",
    api_metadata,
    Column("key_id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the key; the key is never stored"),
    Column("site_code", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    _utc("created_at", now=True),
    _utc("revoked_at", nullable=True),
    _utc("last_used_at", nullable=True),
    schema="inbox",
)
inbox_batches = Table(
    "batches",
    api_metadata,
    Column("batch_seq", BigInteger, Identity(always=True), primary_key=True),
    Column("batch_id", Uuid, nullable=False, unique=True),
    Column("site_code", Text, ForeignKey("registry.sites.site_code"), nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('readings', 'events')", name="kind"), nullable=False),
    Column("origin", Text, CheckConstraint("origin in ('push', 'release')", name="origin"), nullable=False),
    Column("credential", Text, nullable=False, comment="Name of the API key"),
    Column("idempotency_key", Text),
    Column("content_hash", LargeBinary, nullable=False, comment="SHA-256 of the body"),
    Column("format", Text, nullable=False, comment="Body format, a file in ingestion_api/formats"),
    Column("payload", LargeBinary, nullable=False, comment="The body as received, zstd"),
    Column("item_count", Integer, nullable=False),
    Column("accepted_count", Integer, nullable=False),
    Column("quarantined_count", Integer, nullable=False),
    Column("is_replay", Boolean, nullable=False, comment="Sent from a store-and-forward backlog (C48)"),
    Column("replay_count", Integer, nullable=False, server_default=text("0"), comment="Times the same batch came"),
    _utc("received_at"),
    UniqueConstraint("site_code", "kind", "content_hash"),
    UniqueConstraint("site_code", "credential", "idempotency_key"),
    Index(None, "site_code", "kind", "batch_seq"),
    schema="inbox",
)
quarantine = Table(
    "quarantine",
    api_metadata,
    Column("quarantine_id", BigInteger, Identity(always=True), primary_key=True),
    Column("batch_seq", BigInteger, ForeignKey("inbox.batches.batch_seq"), nullable=False),
    Column("item_index", Integer, nullable=False),
    Column("site_code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("item", LargeBinary, nullable=False, comment="The original bytes of the item"),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('open', 'released', 'discarded')", name="status"),
        nullable=False,
        server_default="open",
    ),
    Column("released_batch_seq", BigInteger, ForeignKey("inbox.batches.batch_seq")),
    _utc("quarantined_at"),
    _utc("resolved_at", nullable=True),
    UniqueConstraint("batch_seq", "item_index"),
    Index(None, "site_code", "status", "reason_code"),
    Index(None, "released_batch_seq"),
    schema="inbox",
)

# --- raw (the warehouse) ---------------------------------------------------------------------------------------------

signals = Table(
    "signals",
    warehouse_metadata,
    Column("signal_id", Integer, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("unit_code", Text, comment="UCUM, as first seen"),
    _utc("recorded_at", now=True),
    UniqueConstraint("site_code", "equipment_code", "metric"),
    schema="raw",
)


def _reading_columns() -> list[Column[object]]:
    return [
        Column("signal_id", Integer, nullable=False),
        Column("item_index", SmallInteger, nullable=False, comment="Position in the batch"),
        Column("is_server_time", Boolean, nullable=False, comment="The device sent no time (C15)"),
        _utc("event_time"),
        Column("value", Double, nullable=False),
        Column("quality", REAL, nullable=False, comment="0 to 1 (S4-005)"),
        Column("batch_seq", BigInteger, nullable=False, comment="The inbox batch that brought this version"),
        Column("load_id", BigInteger, nullable=False),
        _utc("received_at"),
        _utc("recorded_at"),
    ]


readings = Table(
    "readings",
    warehouse_metadata,
    *_reading_columns(),
    PrimaryKeyConstraint("signal_id", "event_time"),
    Index(None, "event_time"),
    schema="raw",
    comment="One row per signal and event time: the newest version received (D4). Hypertable where the server can.",
)
reading_revisions = Table(
    "reading_revisions",
    warehouse_metadata,
    *_reading_columns(),
    _utc("superseded_at"),
    PrimaryKeyConstraint("signal_id", "event_time", "batch_seq", "item_index"),
    schema="raw",
    comment="Versions that a newer one replaced, believed from recorded_at until superseded_at.",
)


def _event_columns() -> list[Column[object]]:
    return [
        Column("site_code", Text, nullable=False),
        Column("source_code", Text, nullable=False, comment="Camera or device that saw it"),
        Column("event_type", Text, nullable=False, comment="working, idle, absent or product_count (S1-003)"),
        _utc("event_time"),
        Column("work_unit_code", Text, nullable=False, server_default="", comment="Empty: none"),
        Column("worker_code", Text, nullable=False, server_default="", comment="Empty: none"),
        Column("duration_s", Numeric(9, 3), comment="NULL: the state lasts until the next event (C12)"),
        Column("units_produced", BigInteger),
        Column("confidence", Double, comment="0 to 1, of the edge classifier (S1-004)"),
        Column("is_server_time", Boolean, nullable=False),
        Column("item_index", SmallInteger, nullable=False),
        Column("batch_seq", BigInteger, nullable=False),
        Column("load_id", BigInteger, nullable=False),
        _utc("received_at"),
        _utc("recorded_at"),
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
    schema="raw",
    comment="One row per source, type, event time, work unit and worker: the newest version received (D4).",
)
event_revisions = Table(
    "event_revisions",
    warehouse_metadata,
    *_event_columns(),
    _utc("superseded_at"),
    PrimaryKeyConstraint(*EVENT_KEY, "batch_seq", "item_index"),
    schema="raw",
)
loads = Table(
    "loads",
    warehouse_metadata,
    Column("load_id", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="readings, events or registry"),
    Column("cursor_from", BigInteger, nullable=False),
    Column("cursor_to", BigInteger, nullable=False),
    Column("item_count", BigInteger, nullable=False),
    Column("inserted_count", BigInteger, nullable=False),
    Column("revised_count", BigInteger, nullable=False),
    Column("duplicate_count", BigInteger, nullable=False),
    Column("late_count", BigInteger, nullable=False),
    Column("dagster_run_id", Text),
    _utc("recorded_at", now=True),
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
    _utc("received_at"),
    _utc("recorded_at", now=True),
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
    _utc("changed_at"),
    _utc("recorded_at", now=True),
    PrimaryKeyConstraint("site_code", "change_seq"),
    Index(None, "site_code", "entity", "code", "change_seq"),
    schema="raw",
)
cursors = Table(
    "cursors",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("position", BigInteger, nullable=False, comment="Last batch_seq (change_seq for registry) loaded"),
    _utc("updated_at", now=True),
    PrimaryKeyConstraint("site_code", "kind"),
    schema="raw",
)
touched_hours = Table(
    "touched_hours",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    _utc("hour"),
    Column("touch_count", BigInteger, nullable=False, comment="Rises with each load that touches the hour"),
    Column("rolled_up_count", BigInteger, nullable=False, server_default=text("0"), comment="touch_count at rollup"),
    Column("summarized_count", BigInteger, nullable=False, server_default=text("0"), comment="… in daily marts"),
    _utc("touched_at"),
    PrimaryKeyConstraint("site_code", "hour"),
    Index(None, "hour"),
    schema="raw",
    comment="The touched-hours ledger (D6): an hour is pending while a consumer's count is behind touch_count.",
)

# --- ml (the warehouse) ----------------------------------------------------------------------------------------------

scores = Table(
    "scores",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    _utc("event_time"),
    Column("model_name", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("is_anomaly", Boolean, nullable=False),
    Column("confidence", Double, nullable=False, comment="max(p, 1-p), p the calibrated probability of an anomaly"),
    _utc("recorded_at", now=True),
    PrimaryKeyConstraint("site_code", "equipment_code", "event_time", "model_name", "model_version"),
    Index(None, "event_time"),
    schema="ml",
    comment="One row per equipment, window end and model version.",
)
anomalies = Table(
    "anomalies",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    _utc("started_at"),
    _utc("ended_at"),
    Column("peak_score", Double, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("sensor_shares", JSONB, nullable=False, comment="metric: share of the peak score, sums to 1"),
    _utc("recorded_at", now=True),
    PrimaryKeyConstraint("site_code", "equipment_code", "model_name", "model_version", "started_at"),
    schema="ml",
    comment="One row per run of consecutive anomalous windows.",
)
drift_episodes = Table(
    "drift_episodes",
    warehouse_metadata,
    Column("episode_id", Text, primary_key=True, comment="stream:site:equipment class:detected hour"),
    Column("stream", Text, nullable=False, comment="edge_classifier or champion"),
    Column("site_code", Text, nullable=False),
    Column("equipment_class", Text, nullable=False, comment="Whose model is retrained"),
    _utc("detected_at"),
    Column("band", Text, nullable=False, comment="healthy, warning or critical (S1-059..061)"),
    Column("mean_before", Double, nullable=False),
    Column("mean_after", Double, nullable=False),
    Column("sample_count", BigInteger, nullable=False),
    _utc("recovered_at", nullable=True),
    _utc("recorded_at", now=True),
    schema="ml",
)
promotions = Table(
    "promotions",
    warehouse_metadata,
    Column("promotion_id", BigInteger, Identity(always=True), primary_key=True),
    Column("model_name", Text, nullable=False),
    Column("challenger_version", Integer, nullable=False),
    Column("champion_version", Integer, comment="Champion at the time of the decision; NULL: none"),
    Column("is_promoted", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("trigger", Text, nullable=False, comment="initial, schedule, drift, manual or rollback"),
    Column("episode_id", Text, ForeignKey("ml.drift_episodes.episode_id")),
    Column("metrics", JSONB, nullable=False),
    Column("mlflow_run_id", Text, nullable=False),
    Column("dagster_run_id", Text),
    _utc("decided_at", now=True),
    Index(
        "uq_promotions_model_name_challenger_version",
        "model_name",
        "challenger_version",
        unique=True,
        postgresql_where=text("trigger <> 'rollback'"),
    ),
    Index(None, "episode_id"),
    schema="ml",
    comment="The promotion ledger: every challenger and why it was or was not promoted, and every rollback.",
)

# --- ops (the warehouse) ---------------------------------------------------------------------------------------------

validation_results = Table(
    "validation_results",
    warehouse_metadata,
    Column("validation_id", BigInteger, Identity(always=True), primary_key=True),
    Column("suite", Text, nullable=False),
    Column("expectation", Text, nullable=False),
    _utc("window_start"),
    _utc("window_end"),
    Column("severity", Text, nullable=False, comment="critical or warning"),
    Column("is_success", Boolean, nullable=False),
    Column("observed", JSONB, nullable=False),
    Column("dagster_run_id", Text),
    _utc("validated_at", now=True),
    Index(None, "validated_at"),
    schema="ops",
)
