"""Payloads are compressed by the API: the server need not try again, which costs a tenth of storing a batch."""

from alembic import op

revision = "api_0007"
down_revision = "api_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep payloads as they come; those stored so far stay as they are."""
    op.execute("alter table inbox.batches alter column payload set storage external")


def downgrade() -> None:
    """Let the server try to compress them."""
    op.execute("alter table inbox.batches alter column payload set storage extended")
