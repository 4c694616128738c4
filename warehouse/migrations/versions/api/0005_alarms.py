"""Alarm rules."""

import sqlalchemy as sa
from alembic import op

revision = "api_0005"
down_revision = "api_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "alarm_rules",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "equipment_class", sa.Text(), nullable=False, comment="Every machine of it is judged by the rule (S0-029)"
        ),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False, comment="C23"),
        sa.Column("operator", sa.Text(), comment="How a value breaks the limit; null unless kind is limit (C26)"),
        sa.Column("limit", sa.Double(), comment="In the signal's registered unit; null unless kind is limit"),
        sa.Column(
            "duration_s", sa.Double(), nullable=False, comment="The condition must hold that long, in the devices' time"
        ),
        sa.Column(
            "hysteresis", sa.Double(), nullable=False, comment="How far a value must come back for the alarm to clear"
        ),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('limit', 'missing_data', 'flat_line')", name=op.f("ck_alarm_rules_kind")),
        sa.CheckConstraint("severity in ('critical', 'high', 'medium', 'low')", name=op.f("ck_alarm_rules_severity")),
        sa.CheckConstraint("operator in ('>=', '>', '<=', '<')", name=op.f("ck_alarm_rules_operator")),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_alarm_rules_site_code")),
        sa.PrimaryKeyConstraint("site_code", "rule_code", name=op.f("pk_alarm_rules")),
        schema="registry",
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("alarm_rules", schema="registry")
