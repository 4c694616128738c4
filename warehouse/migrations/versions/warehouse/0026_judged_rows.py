"""Touched hours: up to when their rows were judged. What is recorded later waits for the next run."""

from alembic import op

revision = "warehouse_0026"
down_revision = "warehouse_0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment, and the view by which dbt leaves later rows out. What is rolled up counts as judged."""
    op.execute("alter table raw.touched_hours add judged_at timestamptz")
    op.execute(
        "comment on column raw.touched_hours.judged_at is"
        " 'What was recorded up to then is judged; NULL where nothing is'"
    )
    op.execute("update raw.touched_hours set judged_at = touched_at where rolled_up_count >= touch_count")
    op.execute(
        """
        create view ops.unjudged_hours as
        select site_code, hour, coalesce(judged_at, '-infinity') as judged_at
        from raw.touched_hours
        where summarized_count < touch_count and rolled_up_count < touch_count
        """
    )
    op.execute("grant select on ops.unjudged_hours to millrace_dbt")
    op.execute("grant update (judged_at) on raw.touched_hours to millrace_expectations")


def downgrade() -> None:
    """Drop both."""
    op.execute("drop view ops.unjudged_hours")
    op.execute("alter table raw.touched_hours drop judged_at")
