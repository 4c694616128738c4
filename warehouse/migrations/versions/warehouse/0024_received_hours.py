"""Touched hours: in which hours was received what waits in them. Those are judged before it is rolled up."""

from alembic import op

revision = "warehouse_0024"
down_revision = "warehouse_0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the hours of receipt; of what waits already, as far as the rows of an hour tell."""
    op.execute("alter table raw.touched_hours add received_hours timestamptz[] not null default '{}'")
    op.execute(
        "comment on column raw.touched_hours.received_hours is"
        " 'In which was received what changed it since it was rolled up'"
    )
    op.execute(
        """
        update raw.touched_hours as t set received_hours = array(
            select distinct date_trunc('hour', found.received_at, 'UTC') from (
                select r.received_at from raw.readings as r join raw.signals as s using (signal_id)
                where s.site_code = t.site_code and r.event_time >= t.hour and r.event_time < t.hour + interval '1 hour'
                union all
                select e.received_at from raw.events as e
                where e.site_code = t.site_code and e.event_time >= t.hour and e.event_time < t.hour + interval '1 hour'
                union all
                select b.received_at from raw.batches as b
                where b.site_code = t.site_code and b.received_at >= t.hour
                and b.received_at < t.hour + interval '1 hour'
            ) as found order by 1
        )
        where t.summarized_count < t.touch_count and t.rolled_up_count < t.touch_count
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("alter table raw.touched_hours drop received_hours")
