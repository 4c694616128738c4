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
    Column(
        "validation_id",
        BigInteger,
        Identity(always=True),
        primary_key=True,
        comment="Number of the validation of one expectation; it grows",
    ),
    Column(
        "suite",
        Text,
        nullable=False,
        comment="What was judged: readings or events by their time, or the ledger by time of receipt",
    ),
    Column("expectation", Text, nullable=False, comment="What was expected, such as invalid_rate_is_low"),
    utc("window_start", comment="First instant that was looked at"),
    utc("window_end", comment="First instant after it"),
    Column("severity", Text, nullable=False, comment="critical or warning"),
    Column("is_success", Boolean, nullable=False, comment="Whether all groups kept their limit"),
    Column("observed", JSONB, nullable=False, comment="Figures for people, and those of each site"),
    Column("dagster_run_id", Text, comment="The Dagster run that asked; NULL: the command line"),
    utc("validated_at", now=True, comment="When it was stored"),
    utc(
        "judged_at",
        nullable=True,
        comment="When the ledger of touched hours was read for it; NULL: before this was noted",
    ),
    Index(None, "validated_at"),
    schema="ops",
)

holds = Table(
    "holds",
    warehouse_metadata,
    Column("hold_id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the hold"),
    Column("site_code", Text, nullable=False, comment="Whose hour is held"),
    utc("hour", comment="What was judged and failed, by its first instant"),
    utc("first_hour", comment="First of the hours that its rows reach into: those are held with it"),
    utc("last_hour", comment="Last of them, by its first instant"),
    Column(
        "suite",
        Text,
        nullable=False,
        comment="What was judged: readings or events by their time, or the ledger by time of receipt",
    ),
    Column("expectation", Text, nullable=False, comment="What failed, such as invalid_rate_is_low"),
    utc("period_start", comment="Of the first group that failed: the hour, an hour of receipt or a local midnight"),
    Column(
        "observed",
        JSONB,
        nullable=False,
        comment="Figures for people; in hours and days what has to pass before the hour is let go",
    ),
    utc("touched_at", comment="Of the rows that were judged, as in raw.touched_hours: newer ones are judged anew"),
    Column("dagster_run_id", Text, comment="The Dagster run that held it last; NULL: the command line"),
    utc("held_at", now=True, comment="When it failed first"),
    utc("released_at", nullable=True, comment="When it was let go; NULL: it waits"),
    Column("released_by", Text, comment="A person, or validation: what failed has passed since"),
    Column("reason", Text, comment="Why it was let go"),
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
