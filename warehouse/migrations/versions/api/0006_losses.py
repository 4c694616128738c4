"""What senders had to discard, as they report it."""

import sqlalchemy as sa
from alembic import op

revision = "api_0006"
down_revision = "api_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "losses",
        sa.Column("loss_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False, comment="Who counts: the UUID of an edge client's spool"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lost_total", sa.BigInteger(), nullable=False, comment="Items since the client began to count"),
        sa.Column("credential", sa.Text(), nullable=False, comment="Name of the API key that reported it last"),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('readings', 'events', 'unknown')", name=op.f("ck_losses_kind")),
        sa.CheckConstraint("lost_total >= 0", name=op.f("ck_losses_lost_total")),
        sa.PrimaryKeyConstraint("loss_id", name=op.f("pk_losses")),
        sa.UniqueConstraint(
            "site_code", "client_id", "kind", "reason", name=op.f("uq_losses_site_code_client_id_kind_reason")
        ),
        schema="inbox",
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("losses", schema="inbox")
