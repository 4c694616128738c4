"""Schema raw: what was loaded, with revisions, ledgers and cursors. Later changes have revisions of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "warehouse_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("create schema if not exists raw")
    op.create_table(
        "cursors",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="Last batch_seq (change_seq for registry) loaded"
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "kind", name=op.f("pk_cursors")),
        schema="raw",
    )
    op.create_table(
        "event_revisions",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("source_code", sa.Text(), nullable=False, comment="Camera or device that saw it"),
        sa.Column("event_type", sa.Text(), nullable=False, comment="working, idle, absent or product_count (S1-003)"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("work_unit_code", sa.Text(), server_default="", nullable=False, comment="Empty: none"),
        sa.Column("worker_code", sa.Text(), server_default="", nullable=False, comment="Empty: none"),
        sa.Column(
            "duration_s",
            sa.Numeric(precision=9, scale=3),
            nullable=True,
            comment="NULL: the state lasts until the next event (C12)",
        ),
        sa.Column("units_produced", sa.BigInteger(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True, comment="0 to 1, of the edge classifier (S1-004)"),
        sa.Column("is_server_time", sa.Boolean(), nullable=False),
        sa.Column("item_index", sa.SmallInteger(), nullable=False),
        sa.Column("batch_seq", sa.BigInteger(), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_code",
            "source_code",
            "event_type",
            "event_time",
            "work_unit_code",
            "worker_code",
            "batch_seq",
            "item_index",
            name=op.f("pk_event_revisions"),
        ),
        schema="raw",
    )
    op.create_table(
        "events",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("source_code", sa.Text(), nullable=False, comment="Camera or device that saw it"),
        sa.Column("event_type", sa.Text(), nullable=False, comment="working, idle, absent or product_count (S1-003)"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("work_unit_code", sa.Text(), server_default="", nullable=False, comment="Empty: none"),
        sa.Column("worker_code", sa.Text(), server_default="", nullable=False, comment="Empty: none"),
        sa.Column(
            "duration_s",
            sa.Numeric(precision=9, scale=3),
            nullable=True,
            comment="NULL: the state lasts until the next event (C12)",
        ),
        sa.Column("units_produced", sa.BigInteger(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True, comment="0 to 1, of the edge classifier (S1-004)"),
        sa.Column("is_server_time", sa.Boolean(), nullable=False),
        sa.Column("item_index", sa.SmallInteger(), nullable=False),
        sa.Column("batch_seq", sa.BigInteger(), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_code",
            "source_code",
            "event_type",
            "event_time",
            "work_unit_code",
            "worker_code",
            name=op.f("pk_events"),
        ),
        schema="raw",
        comment="One row per source, type, event time, work unit and worker: the newest version received (D4).",
    )
    op.create_index(op.f("ix_events_event_time"), "events", ["event_time"], schema="raw")
    op.create_index(
        op.f("ix_events_work_unit_code_event_time"), "events", ["work_unit_code", "event_time"], schema="raw"
    )
    op.create_index(op.f("ix_events_worker_code_event_time"), "events", ["worker_code", "event_time"], schema="raw")
    op.create_table(
        "loads",
        sa.Column("load_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="readings, events or registry"),
        sa.Column("cursor_from", sa.BigInteger(), nullable=False),
        sa.Column("cursor_to", sa.BigInteger(), nullable=False),
        sa.Column("item_count", sa.BigInteger(), nullable=False),
        sa.Column("inserted_count", sa.BigInteger(), nullable=False),
        sa.Column("revised_count", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_count", sa.BigInteger(), nullable=False),
        sa.Column("late_count", sa.BigInteger(), nullable=False),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("load_id", name=op.f("pk_loads")),
        schema="raw",
    )
    op.create_table(
        "reading_revisions",
        sa.Column("signal_id", sa.Integer(), nullable=False),
        sa.Column("item_index", sa.SmallInteger(), nullable=False, comment="Position in the batch"),
        sa.Column("is_server_time", sa.Boolean(), nullable=False, comment="The device sent no time (C15)"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("quality", sa.REAL(), nullable=False, comment="0 to 1 (S4-005)"),
        sa.Column("batch_seq", sa.BigInteger(), nullable=False, comment="The inbox batch that brought this version"),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "signal_id", "event_time", "batch_seq", "item_index", name=op.f("pk_reading_revisions")
        ),
        schema="raw",
        comment="Versions that a newer one replaced, believed from recorded_at until superseded_at.",
    )
    op.create_table(
        "readings",
        sa.Column("signal_id", sa.Integer(), nullable=False),
        sa.Column("item_index", sa.SmallInteger(), nullable=False, comment="Position in the batch"),
        sa.Column("is_server_time", sa.Boolean(), nullable=False, comment="The device sent no time (C15)"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("quality", sa.REAL(), nullable=False, comment="0 to 1 (S4-005)"),
        sa.Column("batch_seq", sa.BigInteger(), nullable=False, comment="The inbox batch that brought this version"),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("signal_id", "event_time", name=op.f("pk_readings")),
        schema="raw",
        comment="One row per signal and event time: the newest version received (D4). Hypertable where the server can.",
    )
    op.create_index(op.f("ix_readings_event_time"), "readings", ["event_time"], schema="raw")
    op.create_table(
        "registry_changes",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "change_seq", name=op.f("pk_registry_changes")),
        schema="raw",
    )
    op.create_index(
        op.f("ix_registry_changes_site_code_entity_code_change_seq"),
        "registry_changes",
        ["site_code", "entity", "code", "change_seq"],
        schema="raw",
    )
    op.create_table(
        "signals",
        sa.Column("signal_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True, comment="UCUM, as first seen"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("signal_id", name=op.f("pk_signals")),
        sa.UniqueConstraint(
            "site_code", "equipment_code", "metric", name=op.f("uq_signals_site_code_equipment_code_metric")
        ),
        schema="raw",
    )
    op.create_table(
        "touched_hours",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touch_count", sa.BigInteger(), nullable=False, comment="Rises with each load that touches the hour"),
        sa.Column(
            "rolled_up_count",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="touch_count at rollup",
        ),
        sa.Column(
            "summarized_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="… in daily marts"
        ),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "hour", name=op.f("pk_touched_hours")),
        schema="raw",
        comment="The touched-hours ledger (D6): an hour is pending while a consumer's count is behind touch_count.",
    )
    op.create_index(op.f("ix_touched_hours_hour"), "touched_hours", ["hour"], schema="raw")
    op.create_table(
        "batches",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("batch_seq", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False, comment="The source: name of the API key"),
        sa.Column("is_replay", sa.Boolean(), nullable=False),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("accepted_count", sa.Integer(), nullable=False),
        sa.Column("quarantined_count", sa.Integer(), nullable=False),
        sa.Column("quarantine_reasons", postgresql.JSONB(), nullable=False, comment="reason_code: item count"),
        sa.Column("inserted_count", sa.Integer(), nullable=False),
        sa.Column("revised_count", sa.Integer(), nullable=False),
        sa.Column("duplicate_count", sa.Integer(), nullable=False),
        sa.Column(
            "device_timed_count", sa.Integer(), nullable=False, comment="Accepted items with a device time (C15)"
        ),
        sa.Column(
            "late_count",
            sa.Integer(),
            nullable=False,
            comment="Of these, received 60 min or more after their event (C48)",
        ),
        sa.Column(
            "lateness_p95_s", sa.Double(), nullable=True, comment="NULL where no accepted item carries a device time"
        ),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["load_id"], ["raw.loads.load_id"], name=op.f("fk_batches_load_id")),
        sa.PrimaryKeyConstraint("site_code", "batch_seq", name=op.f("pk_batches")),
        schema="raw",
        comment="The ingest ledger: one row per inbox batch, settled when it is loaded.",
    )
    op.create_index(op.f("ix_batches_load_id"), "batches", ["load_id"], schema="raw")
    op.create_index(op.f("ix_batches_received_at"), "batches", ["received_at"], schema="raw")


def downgrade() -> None:
    """Drop the tables and the schema."""
    op.drop_table("batches", schema="raw")
    op.drop_table("touched_hours", schema="raw")
    op.drop_table("signals", schema="raw")
    op.drop_table("registry_changes", schema="raw")
    op.drop_table("readings", schema="raw")
    op.drop_table("reading_revisions", schema="raw")
    op.drop_table("loads", schema="raw")
    op.drop_table("events", schema="raw")
    op.drop_table("event_revisions", schema="raw")
    op.drop_table("cursors", schema="raw")
    op.execute("drop schema raw")
