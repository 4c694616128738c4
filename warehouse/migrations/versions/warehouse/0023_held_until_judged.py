"""ops.held_hours: an hour stays held while newer rows of it wait to be judged, and says that they do."""

from alembic import op

revision = "warehouse_0023"
down_revision = "warehouse_0022"
branch_labels = None
depends_on = None

_HELD_HOURS = """
    select h.site_code, hours.hour, h.suite, h.expectation, zone.time_zone,
        cast(hours.hour at time zone zone.time_zone as date) as first_date,
        cast((hours.hour + interval '59 minutes') at time zone zone.time_zone as date) as last_date{columns}
    from ops.holds as h
    cross join lateral generate_series(h.first_hour, h.last_hour, interval '1 hour') as hours (hour)
    cross join lateral (
        select coalesce((
            select c.payload ->> 'time_zone' from raw.registry_changes as c
            where c.entity = 'sites' and c.site_code = h.site_code
            order by c.change_seq desc limit 1
        ), 'UTC') as time_zone
    ) as zone
    where h.released_at is null
"""
# Of the hour that was judged, not of those that its rows reach into: these wait until it is judged again. New scores
# only raise touch_count.
_HAS_NEWER_ROWS = """,
        hours.hour = h.hour and exists (
            select from raw.touched_hours as t
            where t.site_code = h.site_code and t.hour = h.hour and t.touched_at <> h.touched_at
        ) as has_newer_rows
"""
_FOR_THE_SAME_ROWS = """
    and exists (
        select from raw.touched_hours as t
        where t.site_code = h.site_code and t.hour = h.hour and t.touched_at = h.touched_at
    )
"""


def upgrade() -> None:
    """Let every open hold count, and tell those whose hour has newer rows."""
    op.execute(f"create or replace view ops.held_hours as {_HELD_HOURS.format(columns=_HAS_NEWER_ROWS)}")


def downgrade() -> None:
    """Let a hold count only as long as no newer rows come."""
    op.execute("drop view ops.held_hours")
    op.execute(f"create view ops.held_hours as {_HELD_HOURS.format(columns='')} {_FOR_THE_SAME_ROWS}")
    op.execute("grant select on ops.held_hours to millrace_dbt, millrace_loader, millrace_ml")
