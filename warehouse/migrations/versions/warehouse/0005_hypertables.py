"""Hypertables where the server has TimescaleDB. Plain PostgreSQL keeps the same tables with the same keys (D7)."""

from alembic import op

from warehouse.timescale import create_hypertable, enable

revision = "warehouse_0005"
down_revision = "warehouse_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Partition what grows without end by day (C46)."""
    connection = op.get_bind()
    if enable(connection).has_hypertables:
        for schema, table in (("raw", "readings"), ("raw", "events"), ("ml", "scores")):
            create_hypertable(connection, schema, table, "event_time")


def downgrade() -> None:
    """Nothing to do: a hypertable answers as a table does."""
