"""Schema ops: results of validations. Later changes have revisions of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "warehouse_0003"
down_revision = "warehouse_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("create schema if not exists ops")
    op.create_table(
        "validation_results",
        sa.Column("validation_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("expectation", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False, comment="critical or warning"),
        sa.Column("is_success", sa.Boolean(), nullable=False),
        sa.Column("observed", postgresql.JSONB(), nullable=False),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("validated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("validation_id", name=op.f("pk_validation_results")),
        schema="ops",
    )
    op.create_index(op.f("ix_validation_results_validated_at"), "validation_results", ["validated_at"], schema="ops")


def downgrade() -> None:
    """Drop the tables and the schema."""
    op.drop_table("validation_results", schema="ops")
    op.execute("drop schema ops")
