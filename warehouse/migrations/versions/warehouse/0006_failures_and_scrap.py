"""Events may be `down` and `scrap_count`: their columns' comments say so. Types are checked by the contract alone."""

from alembic import op

revision = "warehouse_0006"
down_revision = "warehouse_0005"
branch_labels = None
depends_on = None

TABLES = ("events", "event_revisions")


def upgrade() -> None:
    """Explain the new types and what their units are."""
    for table in TABLES:
        types = "working, idle, absent, down, product_count or scrap_count (S1-003, ISO 22400)"
        op.alter_column(table, "event_type", schema="raw", comment=types)
        op.alter_column(table, "units_produced", schema="raw", comment="Of a scrap_count: scrapped ones")


def downgrade() -> None:
    """Explain the types as they were."""
    for table in TABLES:
        types = "working, idle, absent or product_count (S1-003)"
        op.alter_column(table, "event_type", schema="raw", comment=types)
        op.alter_column(table, "units_produced", schema="raw", comment=None)
