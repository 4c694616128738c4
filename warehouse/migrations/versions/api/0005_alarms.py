"""Alarm rules, alarms and last values."""

from alembic import op

revision = "api_0005"
down_revision = "api_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.execute("select 1")


def downgrade() -> None:
    """Take it back."""
    op.execute("select 1")
