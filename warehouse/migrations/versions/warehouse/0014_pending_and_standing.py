"""What is pending or stands is found without reading what is settled or over: hours of the ledger, and alarms."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0014"
down_revision = "warehouse_0013"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_touched_hours_pending": "raw.touched_hours (hour) where summarized_count < touch_count",
    "ix_alarm_changes_lasting": "raw.alarm_changes (changed_at) where transition = 'raised' and not is_brief",
}
# As warehouse/load_alarms.py marks those that it loads.
_MARK = """
    update raw.alarm_changes as raised set is_brief = true
    from raw.alarm_changes as cleared
    where raised.transition = 'raised' and not raised.is_brief and cleared.transition = 'cleared'
        and cleared.site_code = raised.site_code and cleared.alarm_id = raised.alarm_id
        and cleared.changed_at <= raised.changed_at + interval '24 hours'
"""


def upgrade() -> None:
    """Mark the alarms, and create the indexes without holding up those who write."""
    op.add_column(
        "alarm_changes",
        sa.Column(
            "is_brief",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Of a raised one: cleared within a day, so that it never counts as standing",
        ),
        schema="raw",
        # The block below commits it: a step that is interrupted there, or does not get a lock, is made again.
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        # After the column is there for all: what is loaded meanwhile is marked by its load.
        op.execute(_MARK)
        # They wait for transactions that are older, and nobody waits for them.
        op.execute("set lock_timeout = 0")
        for name, of in _INDEXES.items():
            op.execute(f"drop index concurrently if exists raw.{name}")  # what an interrupted one left
            op.execute(f"create index concurrently {name} on {of}")
        op.execute("set lock_timeout = '1s'")


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_alarm_changes_lasting", "alarm_changes", schema="raw")
    op.drop_index("ix_touched_hours_pending", "touched_hours", schema="raw")
    op.drop_column("alarm_changes", "is_brief", schema="raw")
