"""Ranking workers is personal data: off unless a site says otherwise (C39)."""

import sqlalchemy as sa
from alembic import op

revision = "api_0008"
down_revision = "api_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the permission, given by nobody so far."""
    op.add_column(
        "sites",
        sa.Column(
            "is_worker_ranking_allowed",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether workers may be ranked by output (C39)",
        ),
        schema="registry",
    )


def downgrade() -> None:
    """Drop the permission."""
    op.drop_column("sites", "is_worker_ranking_allowed", schema="registry")
