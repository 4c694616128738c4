"""raw.reference_builds: for which registry and which dbt project the dimensions were built, beside what they settle."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0015"
down_revision = "warehouse_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; while it is empty the next run builds the dimensions first."""
    op.create_table(
        "reference_builds",
        sa.Column("build_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "content", sa.Text(), nullable=False, comment="Hash of the dbt project and cursors of the sites' registries"
        ),
        sa.Column("built_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("build_id", name=op.f("pk_reference_builds")),
        schema="raw",
        comment="What the reference models were built for; the newest row holds.",
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("reference_builds", schema="raw")
