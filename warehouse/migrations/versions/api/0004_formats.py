"""What items are of that name no equipment: kept with the batch, so that its payload can be read again."""

from alembic import op

revision = "api_0004"
down_revision = "api_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.execute("select 1")


def downgrade() -> None:
    """Take it back."""
    op.execute("select 1")
