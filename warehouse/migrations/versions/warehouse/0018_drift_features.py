"""ml.drift_explanations and ml.drift_features: which sensors moved when a drift episode began (S4-027)."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0018"
down_revision = "warehouse_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "drift_explanations",
        sa.Column("episode_id", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False, comment="One sentence for people"),
        sa.Column("reference_kind", sa.Text(), nullable=False, comment="champion (its training window) or days_before"),
        sa.Column("reference_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference_ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["ml.drift_episodes.episode_id"], name=op.f("fk_drift_explanations_episode_id")
        ),
        sa.PrimaryKeyConstraint("episode_id", name=op.f("pk_drift_explanations")),
        schema="ml",
        comment="What the sensors say about a drift episode. One row per episode that was looked into.",
    )
    op.create_table(
        "drift_features",
        sa.Column("episode_id", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("count_before", sa.Integer(), nullable=False, comment="Samples of the reference"),
        sa.Column("count_after", sa.Integer(), nullable=False, comment="Samples of the hours of the episode"),
        sa.Column("mean_before", sa.Double(), nullable=True),
        sa.Column("mean_after", sa.Double(), nullable=True),
        sa.Column("ks", sa.Double(), nullable=True, comment="Kolmogorov-Smirnov statistic, 0-1; NULL: too few samples"),
        sa.Column("ks_p", sa.Double(), nullable=True, comment="As if the samples were independent"),
        sa.Column("psi", sa.Double(), nullable=True, comment="Population stability index over ten bins"),
        sa.Column("usual_ks", sa.Double(), nullable=True, comment="What 95 % of the blocks of the reference keep to"),
        sa.Column("usual_psi", sa.Double(), nullable=True, comment="The same of psi"),
        sa.Column("is_drifted", sa.Boolean(), nullable=True, comment="NULL: too few samples to tell"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["ml.drift_episodes.episode_id"], name=op.f("fk_drift_features_episode_id")
        ),
        sa.PrimaryKeyConstraint("episode_id", "metric", name=op.f("pk_drift_features")),
        schema="ml",
        comment="How far each sensor moved. One row per drift episode and metric.",
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("drift_features", schema="ml")
    op.drop_table("drift_explanations", schema="ml")
