"""ops.validation_results.judged_at: which of two validations looked later, whichever was done first."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0022"
down_revision = "warehouse_0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; results of earlier releases have none."""
    op.add_column("validation_results", sa.Column("judged_at", sa.DateTime(timezone=True)), schema="ops")


def downgrade() -> None:
    """Forget it."""
    op.drop_column("validation_results", "judged_at", schema="ops")
