"""The median of the lateness of each batch, beside its 95th percentile (C17). Batches loaded before have none."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0007"
down_revision = "warehouse_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "batches",
        sa.Column(
            "lateness_p50_s",
            sa.Double(),
            nullable=True,
            comment="NULL as lateness_p95_s, and in batches older than the column",
        ),
        schema="raw",
    )


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("batches", "lateness_p50_s", schema="raw")
