"""Schema `registry` of the API's database: ISA-95 master data, current state, and the log of its changes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from warehouse.tables.metadata import api_metadata, utc

sites = Table(
    "sites",
    api_metadata,
    Column("site_code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False, comment="IANA name, such as Europe/Berlin"),
    Column(
        "is_worker_ranking_allowed",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether workers may be ranked by output (C39)",
    ),
    utc("updated_at", now=True),
    schema="registry",
)


def _registry(name: str, code: str, *columns: SchemaItem) -> Table:
    """A registry table keyed by (site_code, code)."""
    return Table(
        name,
        api_metadata,
        Column("site_code", Text, ForeignKey("registry.sites.site_code"), nullable=False),
        Column(code, Text, nullable=False),
        *columns,
        utc("updated_at", now=True),
        PrimaryKeyConstraint("site_code", code),
        schema="registry",
    )


work_centers = _registry(
    "work_centers", "work_center_code", Column("name", Text, nullable=False), Column("area_code", Text)
)
work_units = _registry(
    "work_units",
    "work_unit_code",
    Column("name", Text, nullable=False),
    Column("work_center_code", Text),
    Column("target_units_per_h", Double, comment="Production target, units per hour (S1-030)"),
)
equipment = _registry(
    "equipment",
    "equipment_code",
    Column("name", Text, nullable=False),
    Column("equipment_class", Text, nullable=False),
    Column("work_unit_code", Text),
)
workers = _registry(
    "workers",
    "worker_code",
    Column("department", Text),
    Column("shift_code", Text),
    utc("active_since", nullable=True),
)
shifts = _registry(
    "shifts",
    "shift_code",
    Column("name", Text, nullable=False),
    Column("starts_at_local", Text, nullable=False, comment="HH:MM in the site's time zone"),
    Column("ends_at_local", Text, nullable=False, comment="HH:MM; earlier than the start means the next day"),
)
alarm_rules = _registry(
    "alarm_rules",
    "rule_code",
    Column("name", Text, nullable=False),
    Column("equipment_class", Text, nullable=False, comment="Every machine of it is judged by the rule (S0-029)"),
    Column("metric", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False, comment="C23"),
    Column("operator", Text, comment="How a value breaks the limit; null unless kind is limit (C26)"),
    Column("limit", Double, comment="In the signal's registered unit; null unless kind is limit"),
    Column("duration_s", Double, nullable=False, comment="The condition must hold that long, in the devices' time"),
    Column("hysteresis", Double, nullable=False, comment="How far a value must come back for the alarm to clear"),
    Column("is_enabled", Boolean, nullable=False),
    CheckConstraint("kind in ('limit', 'missing_data', 'flat_line')", name="kind"),
    CheckConstraint("severity in ('critical', 'high', 'medium', 'low')", name="severity"),
    CheckConstraint("operator in ('>=', '>', '<=', '<')", name="operator"),
)
api_signals = Table(
    "signals",
    api_metadata,
    Column("site_code", Text, nullable=False),
    Column("equipment_code", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("unit_code", Text, comment="UCUM"),
    Column("low_limit", Double, comment="Lowest physically plausible value, in unit_code"),
    Column("high_limit", Double, comment="Highest physically plausible value, in unit_code"),
    Column("is_reviewed", Boolean, nullable=False, server_default=text("false")),
    utc("updated_at", now=True),
    PrimaryKeyConstraint("site_code", "equipment_code", "metric"),
    ForeignKeyConstraint(
        ["site_code", "equipment_code"], ["registry.equipment.site_code", "registry.equipment.equipment_code"]
    ),
    schema="registry",
)
registry_changes = Table(
    "changes",
    api_metadata,
    Column("change_seq", BigInteger, Identity(always=True), primary_key=True),
    Column("site_code", Text, ForeignKey("registry.sites.site_code"), nullable=False),
    Column("entity", Text, nullable=False, comment="Table name in schema registry"),
    Column("code", Text, nullable=False, comment="Key below the site; equipment_code/metric for signals"),
    Column("payload", JSONB, nullable=False),
    Column("changed_by", Text, nullable=False, comment="Name of the API key"),
    utc("changed_at", now=True),
    Index(None, "site_code", "change_seq"),
    schema="registry",
)
