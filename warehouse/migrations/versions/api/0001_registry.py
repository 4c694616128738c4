"""The registry: ISA-95 master data of each site and every change to it. Later changes have revisions of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "api_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("create schema if not exists registry")
    op.create_table(
        "sites",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False, comment="IANA name, such as Europe/Berlin"),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("site_code", name=op.f("pk_sites")),
        schema="registry",
    )
    op.create_table(
        "changes",
        sa.Column("change_seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False, comment="Table name in schema registry"),
        sa.Column("code", sa.Text(), nullable=False, comment="Key below the site; equipment_code/metric for signals"),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False, comment="Name of the API key"),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_changes_site_code")),
        sa.PrimaryKeyConstraint("change_seq", name=op.f("pk_changes")),
        schema="registry",
    )
    op.create_index(op.f("ix_changes_site_code_change_seq"), "changes", ["site_code", "change_seq"], schema="registry")
    op.create_table(
        "equipment",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("equipment_class", sa.Text(), nullable=False),
        sa.Column("work_unit_code", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_equipment_site_code")),
        sa.PrimaryKeyConstraint("site_code", "equipment_code", name=op.f("pk_equipment")),
        schema="registry",
    )
    op.create_table(
        "shifts",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("shift_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at_local", sa.Text(), nullable=False, comment="HH:MM in the site's time zone"),
        sa.Column(
            "ends_at_local", sa.Text(), nullable=False, comment="HH:MM; earlier than the start means the next day"
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_shifts_site_code")),
        sa.PrimaryKeyConstraint("site_code", "shift_code", name=op.f("pk_shifts")),
        schema="registry",
    )
    op.create_table(
        "work_centers",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("work_center_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_work_centers_site_code")),
        sa.PrimaryKeyConstraint("site_code", "work_center_code", name=op.f("pk_work_centers")),
        schema="registry",
    )
    op.create_table(
        "work_units",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("work_unit_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("work_center_code", sa.Text(), nullable=True),
        sa.Column(
            "target_units_per_h", sa.Double(), nullable=True, comment="Production target, units per hour (S1-030)"
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_work_units_site_code")),
        sa.PrimaryKeyConstraint("site_code", "work_unit_code", name=op.f("pk_work_units")),
        schema="registry",
    )
    op.create_table(
        "workers",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("worker_code", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("shift_code", sa.Text(), nullable=True),
        sa.Column("active_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_workers_site_code")),
        sa.PrimaryKeyConstraint("site_code", "worker_code", name=op.f("pk_workers")),
        schema="registry",
    )
    op.create_table(
        "signals",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("equipment_code", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True, comment="UCUM"),
        sa.Column("low_limit", sa.Double(), nullable=True, comment="Lowest physically plausible value, in unit_code"),
        sa.Column("high_limit", sa.Double(), nullable=True, comment="Highest physically plausible value, in unit_code"),
        sa.Column("is_reviewed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_code", "equipment_code"],
            ["registry.equipment.site_code", "registry.equipment.equipment_code"],
            name=op.f("fk_signals_site_code_equipment_code"),
        ),
        sa.PrimaryKeyConstraint("site_code", "equipment_code", "metric", name=op.f("pk_signals")),
        schema="registry",
    )


def downgrade() -> None:
    """Drop the tables and the schema."""
    op.drop_table("signals", schema="registry")
    op.drop_table("workers", schema="registry")
    op.drop_table("work_units", schema="registry")
    op.drop_table("work_centers", schema="registry")
    op.drop_table("shifts", schema="registry")
    op.drop_table("equipment", schema="registry")
    op.drop_table("changes", schema="registry")
    op.drop_table("sites", schema="registry")
    op.execute("drop schema registry")
