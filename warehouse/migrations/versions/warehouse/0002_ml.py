"""Schema ml: scores, anomalies, drift episodes, promotions. Later changes have revisions of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "warehouse_0002"
down_revision = "warehouse_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("create schema if not exists ml")
    op.create_table(
        "anomalies",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("peak_score", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column(
            "sensor_shares", postgresql.JSONB(), nullable=False, comment="metric: share of the peak score, sums to 1"
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_code", "equipment_code", "model_name", "model_version", "started_at", name=op.f("pk_anomalies")
        ),
        schema="ml",
        comment="One row per run of consecutive anomalous windows.",
    )
    op.create_table(
        "drift_episodes",
        sa.Column("episode_id", sa.Text(), nullable=False, comment="stream:site:equipment class:detected hour"),
        sa.Column("stream", sa.Text(), nullable=False, comment="edge_classifier or champion"),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_class", sa.Text(), nullable=False, comment="Whose model is retrained"),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("band", sa.Text(), nullable=False, comment="healthy, warning or critical (S1-059..061)"),
        sa.Column("mean_before", sa.Double(), nullable=False),
        sa.Column("mean_after", sa.Double(), nullable=False),
        sa.Column("sample_count", sa.BigInteger(), nullable=False),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("episode_id", name=op.f("pk_drift_episodes")),
        schema="ml",
    )
    op.create_table(
        "scores",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("is_anomaly", sa.Boolean(), nullable=False),
        sa.Column(
            "confidence", sa.Double(), nullable=False, comment="max(p, 1-p), p the calibrated probability of an anomaly"
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_code", "equipment_code", "event_time", "model_name", "model_version", name=op.f("pk_scores")
        ),
        schema="ml",
        comment="One row per equipment, window end and model version.",
    )
    op.create_index(op.f("ix_scores_event_time"), "scores", ["event_time"], schema="ml")
    op.create_table(
        "promotions",
        sa.Column("promotion_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("challenger_version", sa.Integer(), nullable=False),
        sa.Column(
            "champion_version", sa.Integer(), nullable=True, comment="Champion at the time of the decision; NULL: none"
        ),
        sa.Column("is_promoted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False, comment="initial, schedule, drift, manual or rollback"),
        sa.Column("episode_id", sa.Text(), nullable=True),
        sa.Column("metrics", postgresql.JSONB(), nullable=False),
        sa.Column("mlflow_run_id", sa.Text(), nullable=False),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["ml.drift_episodes.episode_id"], name=op.f("fk_promotions_episode_id")
        ),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_promotions")),
        schema="ml",
        comment="The promotion ledger: every challenger and why it was or was not promoted, and every rollback.",
    )
    op.create_index(op.f("ix_promotions_episode_id"), "promotions", ["episode_id"], schema="ml")
    op.create_index(
        "uq_promotions_model_name_challenger_version",
        "promotions",
        ["model_name", "challenger_version"],
        unique=True,
        schema="ml",
        postgresql_where=sa.text("trigger <> 'rollback'"),
    )


def downgrade() -> None:
    """Drop the tables and the schema."""
    op.drop_table("promotions", schema="ml")
    op.drop_table("scores", schema="ml")
    op.drop_table("drift_episodes", schema="ml")
    op.drop_table("anomalies", schema="ml")
    op.execute("drop schema ml")
