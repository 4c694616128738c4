"""ml.remaining_life: how long equipment will still run, by forecast (issue 5)."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0017"
down_revision = "warehouse_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "remaining_life",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("age_h", sa.Double(), nullable=False, comment="Since the last failure ended, or the first reading"),
        sa.Column("remaining_life_h", sa.Double(), nullable=False, comment="Expected; never above cap_h"),
        sa.Column(
            "lower_h", sa.Double(), nullable=False, comment="It lasts at least so long, with a probability of 95 %"
        ),
        sa.Column(
            "upper_h", sa.Double(), nullable=False, comment="It lasts at most so long, with a probability of 95 %"
        ),
        sa.Column("cap_h", sa.Double(), nullable=False, comment="Above it the model tells nothing apart"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_code", "equipment_code", "event_time", "model_name", "model_version", name=op.f("pk_remaining_life")
        ),
        schema="ml",
        comment="One row per equipment, newest reading at the time, and model version.",
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("remaining_life", schema="ml")
