"""What items are of that name no equipment: kept with the batch, so that its payload can be read again."""

import sqlalchemy as sa
from alembic import op

revision = "api_0004"
down_revision = "api_0003"
branch_labels = None
depends_on = None

_COMMENT = "What items of the payload are of that name no equipment"


def upgrade() -> None:
    """Add the column; batches stored so far name their equipment in every item."""
    op.add_column("batches", sa.Column("equipment_code", sa.Text(), nullable=True, comment=_COMMENT), schema="inbox")


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("batches", "equipment_code", schema="inbox")
