"""Schema `ops` of the warehouse: what is in the archive, how long rows stay (C2), and who was erased (C39)."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.schema import PrimaryKeyConstraint

from warehouse.tables.metadata import utc, warehouse_metadata

archived_days = Table(
    "archived_days",
    warehouse_metadata,
    Column("table_name", Text, nullable=False, comment="Such as readings or reading_revisions"),
    Column("site_code", Text, nullable=False),
    Column("equipment_class", Text, nullable=False, comment="Empty: none, as of events and unregistered equipment"),
    Column("day", Date, nullable=False, comment="UTC day of event_time"),
    Column("path", Text, comment="Parquet file, relative to the archive directory; NULL: there were no rows"),
    Column("row_count", BigInteger, nullable=False),
    Column("checksum", Numeric, nullable=False, comment="Sum of the rows' hashes, whatever their order"),
    Column("sha256", Text, comment="Of the file"),
    Column("byte_count", BigInteger, nullable=False, comment="Of the file"),
    utc("first_event_at", nullable=True),
    utc("last_event_at", nullable=True),
    Column("touch_count", BigInteger, nullable=False, comment="Of the site's hours that day, in raw.touched_hours"),
    utc("written_at"),
    utc("dropped_at", nullable=True),
    utc("droppable_at", nullable=True),
    PrimaryKeyConstraint("table_name", "site_code", "equipment_class", "day"),
    Index("ix_archived_days_dropped", "site_code", "day", postgresql_where=text("dropped_at is not null")),
    schema="ops",
    comment="One row per table, site, equipment class and UTC day whose rows are in the archive.",
)
retention_rules = Table(
    "retention_rules",
    warehouse_metadata,
    Column("table_name", Text, nullable=False, comment="readings, events or scores"),
    Column("site_code", Text, nullable=False, server_default="", comment="Empty: any"),
    Column("equipment_class", Text, nullable=False, server_default="", comment="Empty: any"),
    Column("keep_days", Integer, comment="NULL: for ever"),
    Column("is_legal_hold", Boolean, nullable=False, comment="Nothing that the rule covers is deleted"),
    utc("changed_at", now=True),
    PrimaryKeyConstraint("table_name", "site_code", "equipment_class"),
    CheckConstraint("keep_days > 0", name="keep_days"),
    schema="ops",
    comment="How long raw rows stay where that differs from the setting (C2). The rule that names most counts.",
)
closed_days = Table(
    "closed_days",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("day", Date, nullable=False, comment="UTC day of the hours"),
    Column("row_count", BigInteger, nullable=False, comment="Hourly rows that were deleted"),
    utc("closed_at", now=True),
    PrimaryKeyConstraint("site_code", "day"),
    schema="ops",
    comment="Days whose hours were deleted (C2): no mart is computed of them again. One row per site and UTC day.",
)
erasures = Table(
    "erasures",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("pseudonym", Text, nullable=False, comment="What stands in the place of the worker's code"),
    utc("erased_at", now=True),
    PrimaryKeyConstraint("site_code", "pseudonym"),
    schema="ops",
    comment="Erasures that these tables have seen (C39); the archive's journal may know more. One row per worker.",
)
