"""Schema `ops` of the warehouse: results of validations."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Table,
    Text,
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
    Index(None, "validated_at"),
    schema="ops",
)
