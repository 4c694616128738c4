"""Tables of schema `inbox` that tell how the machines are: last values, alarms, and what became of them."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, ForeignKey, Identity, Index, Table, Text

from warehouse.tables.metadata import api_metadata, utc

last_values = Table(
    "last_values",
    api_metadata,
    Column("site_code", Text, primary_key=True),
    Column("equipment_code", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("value", Double, nullable=False),
    Column("quality", Double, nullable=False),
    utc("event_time"),
    utc("received_at"),
    schema="inbox",
    comment="The newest reading of each signal by the device's time; batches from a backlog are left out",
)
alarms = Table(
    "alarms",
    api_metadata,
    Column("alarm_id", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    Column("rule_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("severity", Text, nullable=False, comment="The rule's when the alarm was raised"),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('raised', 'acknowledged', 'cleared')", name="state"),
        nullable=False,
    ),
    utc("raised_at"),
    Column("raised_value", Double, comment="Null: no reading raised it, but silence"),
    utc("acknowledged_at", nullable=True),
    Column("acknowledged_by", Text, comment="Name of the API key"),
    utc("cleared_at", nullable=True),
    Column("batch_seq", BigInteger, comment="The batch that raised it"),
    Index(None, "severity"),
    Index(None, "raised_at"),
    Index(None, "site_code", "state"),
    schema="inbox",
)
alarm_changes = Table(
    "alarm_changes",
    api_metadata,
    Column("change_seq", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, nullable=False),
    Column("alarm_id", BigInteger, ForeignKey("inbox.alarms.alarm_id"), nullable=False),
    Column(
        "transition",
        Text,
        CheckConstraint("transition in ('raised', 'acknowledged', 'cleared')", name="transition"),
        nullable=False,
    ),
    utc("changed_at"),
    Column("value", Double, comment="Of the reading that did it"),
    Column("changed_by", Text, comment="Name of the API key that acknowledged"),
    Index(None, "alarm_id"),
    Index(None, "site_code", "change_seq"),
    schema="inbox",
    comment="Only ever added to",
)
alarm_states = Table(
    "alarm_states",
    api_metadata,
    Column("site_code", Text, primary_key=True),
    Column("equipment_code", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("rule_code", Text, primary_key=True),
    utc("event_time", nullable=True),
    utc("started_at", nullable=True),
    Column("unmoved", Double),
    Column("is_raised", Boolean, nullable=False),
    Column("is_normal", Boolean, nullable=False, comment="A reading that breaks nothing would change nothing"),
    Column("alarm_id", BigInteger, comment="The alarm while it is raised"),
    schema="inbox",
    comment="What a rule remembers of a signal; rows are locked to judge by them and never deleted",
)
Index("ix_alarm_states_not_normal", alarm_states.c.site_code, postgresql_where=~alarm_states.c.is_normal)
