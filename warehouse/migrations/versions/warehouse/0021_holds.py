"""Hours that a failed expectation holds back from marts and models, until newer rows or a person let them go."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "warehouse_0021"
down_revision = "warehouse_0020"
branch_labels = None
depends_on = None

# An hour is in two local dates where midnight is at half past. A site that is not registered is taken as UTC, as in the
# marts.
_HOURS = """
    select h.site_code, hours.hour, h.suite, h.expectation, zone.time_zone,
        cast(hours.hour at time zone zone.time_zone as date) as first_date,
        cast((hours.hour + interval '59 minutes') at time zone zone.time_zone as date) as last_date
    from ops.holds as h
    cross join lateral generate_series(h.first_hour, h.last_hour, interval '1 hour') as hours (hour)
    cross join lateral (
        select coalesce((
            select c.payload ->> 'time_zone' from raw.registry_changes as c
            where c.entity = 'sites' and c.site_code = h.site_code {known}
            order by c.change_seq desc limit 1
        ), 'UTC') as time_zone
    ) as zone
    where {held}
"""
# Newer rows are judged anew: until then nothing is known against them. New scores only raise touch_count.
_NOW = """
    h.released_at is null and exists (
        select from raw.touched_hours as t
        where t.site_code = h.site_code and t.hour = h.hour and t.touched_at = h.touched_at
    )
"""
_THEN = "h.held_at <= moment and (h.released_at is null or h.released_at > moment)"


def upgrade() -> None:
    """Create the table, and what shows which hours are held."""
    op.create_table(
        "holds",
        sa.Column("hold_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        # What was judged, and the first and last of the hours that its rows reach into: those wait too.
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("expectation", sa.Text(), nullable=False),
        # Of the group that failed: the hour itself, an hour of receipt, or the local midnight before it.
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observed", JSONB(), nullable=False),
        # Of the hour in raw.touched_hours when it was judged.
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dagster_run_id", sa.Text()),
        sa.Column("held_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.Text(), comment="A person, or validation: what failed has passed since"),
        sa.Column("reason", sa.Text()),
        sa.CheckConstraint(
            "num_nulls(released_at, released_by, reason) in (0, 3)", name=op.f("ck_holds_released_for_a_reason")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_holds")),
        schema="ops",
        comment="Hours held back by a critical expectation. One row per hold; one is open per hour and expectation.",
    )
    op.create_index(
        "ix_holds_open",
        "holds",
        ["site_code", "hour", "suite", "expectation"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("released_at is null"),
    )
    op.create_index(op.f("ix_holds_site_code_hour"), "holds", ["site_code", "hour"], schema="ops")
    op.execute(f"create view ops.held_hours as {_HOURS.format(known='', held=_NOW)}")
    then = _HOURS.format(known="and c.recorded_at <= moment", held=_THEN)
    op.execute(
        f"""
        create function ops.held_hours_as_known_at(moment timestamptz) returns table (
            site_code text, hour timestamptz, suite text, expectation text, time_zone text, first_date date,
            last_date date
        ) language sql stable as $$ {then} $$
        """
    )
    op.execute("grant select on ops.holds, ops.held_hours to millrace_dbt")
    op.execute("grant select on ops.held_hours to millrace_loader, millrace_ml")
    op.execute("grant select, insert, update on ops.holds to millrace_expectations")
    # What is released waits for its rollup once more (expectations/holds.py).
    op.execute("grant update (touch_count) on raw.touched_hours to millrace_expectations")


def downgrade() -> None:
    """Forget them: every hour that waits goes on."""
    op.execute("revoke update (touch_count) on raw.touched_hours from millrace_expectations")
    op.execute("drop function ops.held_hours_as_known_at")
    op.execute("drop view ops.held_hours")
    op.drop_table("holds", schema="ops")
