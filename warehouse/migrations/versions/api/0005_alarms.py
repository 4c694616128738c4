"""Alarm rules; last values, alarms and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "api_0005"
down_revision = "api_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_rules()
    _create_last_values()
    _create_alarms()
    _create_alarm_changes()
    _create_alarm_states()


def downgrade() -> None:
    """Drop the tables."""
    for table in ("alarm_states", "alarm_changes", "alarms", "last_values"):
        op.drop_table(table, schema="inbox")
    op.drop_table("alarm_rules", schema="registry")


def _create_rules() -> None:
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


def _create_last_values() -> None:
    op.create_table(
        "last_values",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("quality", sa.Double(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "equipment_code", "metric", name=op.f("pk_last_values")),
        schema="inbox",
        comment="The newest reading of each signal by the device's time; batches from a backlog are left out",
    )


def _create_alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False, comment="The rule's when the alarm was raised"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_value", sa.Double(), comment="Null: no reading raised it, but silence"),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("acknowledged_by", sa.Text(), comment="Name of the API key"),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
        sa.Column("batch_seq", sa.BigInteger(), comment="The batch that raised it"),
        sa.CheckConstraint("state in ('raised', 'acknowledged', 'cleared')", name=op.f("ck_alarms_state")),
        sa.PrimaryKeyConstraint("alarm_id", name=op.f("pk_alarms")),
        schema="inbox",
    )
    op.create_index(op.f("ix_alarms_severity"), "alarms", ["severity"], schema="inbox")
    op.create_index(op.f("ix_alarms_raised_at"), "alarms", ["raised_at"], schema="inbox")
    op.create_index(op.f("ix_alarms_site_code_state"), "alarms", ["site_code", "state"], schema="inbox")


def _create_alarm_changes() -> None:
    op.create_table(
        "alarm_changes",
        sa.Column("change_seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("alarm_id", sa.BigInteger(), nullable=False),
        sa.Column("transition", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), comment="Of the reading that did it"),
        sa.Column("changed_by", sa.Text(), comment="Name of the API key that acknowledged"),
        sa.CheckConstraint(
            "transition in ('raised', 'acknowledged', 'cleared')", name=op.f("ck_alarm_changes_transition")
        ),
        sa.ForeignKeyConstraint(["alarm_id"], ["inbox.alarms.alarm_id"], name=op.f("fk_alarm_changes_alarm_id")),
        sa.PrimaryKeyConstraint("change_seq", name=op.f("pk_alarm_changes")),
        schema="inbox",
        comment="Only ever added to",
    )
    op.create_index(op.f("ix_alarm_changes_alarm_id"), "alarm_changes", ["alarm_id"], schema="inbox")
    op.create_index(
        op.f("ix_alarm_changes_site_code_change_seq"), "alarm_changes", ["site_code", "change_seq"], schema="inbox"
    )


def _create_alarm_states() -> None:
    op.create_table(
        "alarm_states",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True)),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("unmoved", sa.Double()),
        sa.Column("is_raised", sa.Boolean(), nullable=False),
        sa.Column(
            "is_normal", sa.Boolean(), nullable=False, comment="A reading that breaks nothing would change nothing"
        ),
        sa.Column("alarm_id", sa.BigInteger(), comment="The alarm while it is raised"),
        sa.PrimaryKeyConstraint("site_code", "equipment_code", "metric", "rule_code", name=op.f("pk_alarm_states")),
        schema="inbox",
        comment="What a rule remembers of a signal; rows are locked to judge by them and never deleted",
    )
    op.create_index(
        "ix_alarm_states_not_normal",
        "alarm_states",
        ["site_code"],
        schema="inbox",
        postgresql_where=sa.text("not is_normal"),
    )
