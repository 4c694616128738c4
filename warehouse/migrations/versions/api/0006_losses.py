"""What senders had to discard, as they report it."""

from alembic import op

revision = "api_0006"
down_revision = "api_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.execute("select 1")


def downgrade() -> None:
    """Take it back."""
    op.execute("select 1")
