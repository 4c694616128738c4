"""raw.alarm_changes: alarms travel the road of the registry (D3)."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0012"
down_revision = "warehouse_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "alarm_changes",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.Column("alarm_id", sa.BigInteger(), nullable=False),
        sa.Column("transition", sa.Text(), nullable=False, comment="raised, acknowledged or cleared"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=True, comment="Of the reading that did it"),
        sa.Column("changed_by", sa.Text(), nullable=True, comment="Name of the API key that acknowledged"),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column(
            "severity",
            sa.Text(),
            nullable=False,
            comment="critical, high, medium or low, when it was raised (C23)",
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "change_seq", name=op.f("pk_alarm_changes")),
        schema="raw",
        comment="What became of alarms, as each site's API logged it (D3). One row per site and change.",
    )
    for columns in (["site_code", "alarm_id"], ["site_code", "changed_at"], ["changed_at"], ["severity", "changed_at"]):
        op.create_index(op.f(f"ix_alarm_changes_{'_'.join(columns)}"), "alarm_changes", columns, schema="raw")
    _comment("registry and alarms", "registry or alarms")


def downgrade() -> None:
    """Drop the table, and forget how far it was loaded."""
    op.drop_table("alarm_changes", schema="raw")
    op.execute("delete from raw.cursors where kind = 'alarms'")
    _comment("registry", "or registry")


def _comment(logs: str, kinds: str) -> None:
    kinds = f"readings, events, {kinds}" if "alarms" in kinds else f"readings, events {kinds}"
    op.execute(f"comment on column raw.cursors.position is 'Last batch_seq (change_seq for {logs}) loaded'")
    op.execute(f"comment on column raw.loads.kind is '{kinds}'")
