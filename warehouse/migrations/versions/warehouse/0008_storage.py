"""The archive's ledger and the rules of retention; which days may no longer be computed from raw."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0008"
down_revision = "warehouse_0007"
branch_labels = None
depends_on = None

# A mart's row takes raw rows from days around its own: a state lasts a day at most (C12), a local date begins up to 14
# hours before the UTC day, and a handover looks at the date before and after. Three days before and two after hold all.
_IS_FROZEN = """
    create function ops.is_frozen(of_site text, of_day date) returns boolean language sql stable as $$
        select exists (
            select from ops.archived_days
            where dropped_at is not null and site_code = of_site and day between of_day - 3 and of_day + 2
        )
    $$
"""


def upgrade() -> None:
    """Create both tables and the function."""
    op.create_table(
        "archived_days",
        sa.Column("table_name", sa.Text(), nullable=False, comment="Such as readings or reading_revisions"),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column(
            "equipment_class",
            sa.Text(),
            nullable=False,
            comment="Empty: none, as of events and unregistered equipment",
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day of event_time"),
        sa.Column(
            "path", sa.Text(), comment="Parquet file, relative to the archive directory; NULL: there were no rows"
        ),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Numeric(), nullable=False, comment="Sum of the rows' hashes, whatever their order"),
        sa.Column("sha256", sa.Text(), comment="Of the file"),
        sa.Column("byte_count", sa.BigInteger(), nullable=False, comment="Of the file"),
        sa.Column("first_event_at", sa.DateTime(timezone=True)),
        sa.Column("last_event_at", sa.DateTime(timezone=True)),
        sa.Column(
            "touch_count", sa.BigInteger(), nullable=False, comment="Of the site's hours that day, in raw.touched_hours"
        ),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dropped_at", sa.DateTime(timezone=True)),
        sa.Column("droppable_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("table_name", "site_code", "equipment_class", "day", name=op.f("pk_archived_days")),
        schema="ops",
        comment="One row per table, site, equipment class and UTC day whose rows are in the archive.",
    )
    op.create_index(
        "ix_archived_days_dropped",
        "archived_days",
        ["site_code", "day"],
        schema="ops",
        postgresql_where=sa.text("dropped_at is not null"),
    )
    op.create_table(
        "retention_rules",
        sa.Column("table_name", sa.Text(), nullable=False, comment="readings, events or scores"),
        sa.Column("site_code", sa.Text(), server_default="", nullable=False, comment="Empty: any"),
        sa.Column("equipment_class", sa.Text(), server_default="", nullable=False, comment="Empty: any"),
        sa.Column("keep_days", sa.Integer(), comment="NULL: for ever"),
        sa.Column("is_legal_hold", sa.Boolean(), nullable=False, comment="Nothing that the rule covers is deleted"),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("keep_days > 0", name=op.f("ck_retention_rules_keep_days")),
        sa.PrimaryKeyConstraint("table_name", "site_code", "equipment_class", name=op.f("pk_retention_rules")),
        schema="ops",
        comment="How long raw rows stay where that differs from the setting (C2). The rule that names most counts.",
    )
    op.execute(_IS_FROZEN)


def downgrade() -> None:
    """Drop them."""
    op.execute("drop function ops.is_frozen")
    op.drop_table("retention_rules", schema="ops")
    op.drop_table("archived_days", schema="ops")
