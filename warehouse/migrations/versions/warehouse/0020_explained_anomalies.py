"""ml.anomalies: the values of the peak window, and those at which it would be normal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "warehouse_0020"
down_revision = "warehouse_0019"
branch_labels = None
depends_on = None

_COLUMNS = {
    "sensor_values": "metric: last value of the peak window; NULL: of an earlier release",
    "nearest_normal": "metric: the value at which that window would just be normal",
}


def upgrade() -> None:
    """Add the columns; anomalies there are have none."""
    for name, comment in _COLUMNS.items():
        op.add_column("anomalies", sa.Column(name, JSONB(), nullable=True, comment=comment), schema="ml")


def downgrade() -> None:
    """Forget them."""
    for name in reversed(_COLUMNS):
        op.drop_column("anomalies", name, schema="ml")
