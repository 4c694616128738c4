"""Readings and events by the time the warehouse recorded them (S1-022): for audits, and for what was known when.

BRIN, as rows lie on disk in the order they were recorded: some pages, and next to nothing to keep up with a load.
"""

from alembic import op

from warehouse.timescale import capabilities

revision = "warehouse_0013"
down_revision = "warehouse_0012"
branch_labels = None
depends_on = None

_TABLES = ("readings", "events")


def upgrade() -> None:
    """Create the indexes without holding up those who write."""
    has_hypertables = capabilities(op.get_bind()).has_hypertables
    with op.get_context().autocommit_block():
        for table in _TABLES:
            index = f"ix_{table}_recorded_at"
            if has_hypertables:
                # Hypertables know no `concurrently`: chunk by chunk, each for the moment its pages are read.
                op.execute(f"drop index if exists raw.{index}")
                op.execute(
                    f"create index {index} on raw.{table} using brin (recorded_at) "
                    "with (timescaledb.transaction_per_chunk)"
                )
            else:
                # It waits for transactions that are older, and nobody waits for it.
                op.execute("set lock_timeout = 0")
                op.execute(f"drop index concurrently if exists raw.{index}")  # what an interrupted one left
                op.execute(f"create index concurrently {index} on raw.{table} using brin (recorded_at)")
                op.execute("set lock_timeout = '1s'")


def downgrade() -> None:
    """Drop the indexes."""
    for table in _TABLES:
        op.drop_index(f"ix_{table}_recorded_at", table, schema="raw")
