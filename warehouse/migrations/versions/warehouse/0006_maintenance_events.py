"""Maintenance events that anomalies give rise to."""

from alembic import op

revision = "warehouse_0006"
down_revision = "warehouse_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.execute("select 1")


def downgrade() -> None:
    """Take it back."""
    op.execute("select 1")
