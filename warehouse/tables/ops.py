"""Schema `ops` of the warehouse: results of validations, and the hours that failed ones hold back."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from warehouse.tables.metadata import utc, warehouse_metadata

validation_results = Table(
    "validation_results",
    warehouse_metadata,
    Column("validation_id", BigInteger, Identity(always=True), primary_key=True),
    Column("suite", Text, nullable=False),
    Column("expectation", Text, nullable=False),
    utc("window_start"),
    utc("window_end"),
    Column("severity", Text, nullable=False, comment="critical or warning"),
    Column("is_success", Boolean, nullable=False),
    Column("observed", JSONB, nullable=False),
    Column("dagster_run_id", Text),
    utc("validated_at", now=True),
    utc("judged_at", nullable=True),
    Index(None, "validated_at"),
    schema="ops",
)

holds = Table(
    "holds",
    warehouse_metadata,
    Column("hold_id", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    utc("hour"),
    utc("first_hour"),
    utc("last_hour"),
    Column("suite", Text, nullable=False),
    Column("expectation", Text, nullable=False),
    utc("period_start"),
    Column("observed", JSONB, nullable=False),
    utc("touched_at"),
    Column("dagster_run_id", Text),
    utc("held_at", now=True),
    utc("released_at", nullable=True),
    Column("released_by", Text, comment="A person, or validation: what failed has passed since"),
    Column("reason", Text),
    CheckConstraint("num_nulls(released_at, released_by, reason) in (0, 3)", name="released_for_a_reason"),
    Index(
        "ix_holds_open",
        "site_code",
        "hour",
        "suite",
        "expectation",
        unique=True,
        postgresql_where=text("released_at is null"),
    ),
    Index(None, "site_code", "hour"),
    schema="ops",
    comment="Hours held back by a critical expectation. One row per hold; one is open per hour and expectation.",
)
