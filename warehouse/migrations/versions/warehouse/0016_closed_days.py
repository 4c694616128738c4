"""Days whose hourly rollups are deleted, and which workers were erased (C2, C39)."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0016"
down_revision = "warehouse_0015"
branch_labels = None
depends_on = None

_NEAR_DROPPED = """
    exists (
        select from ops.archived_days
        where dropped_at is not null and site_code = of_site and day between of_day - 3 and of_day + 2
    )
"""
# As far as for raw rows (revision 0008), and the rolling averages of a date take hours of the six before it.
_NEAR_CLOSED = """
    exists (select from ops.closed_days where site_code = of_site and day between of_day - 6 and of_day + 2)
"""


def upgrade() -> None:
    """Create both tables; a day near a closed one is frozen, whatever is restored."""
    op.create_table(
        "closed_days",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day of the hours"),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="Hourly rows that were deleted"),
        sa.Column("closed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "day", name=op.f("pk_closed_days")),
        schema="ops",
        comment="Days whose hours were deleted (C2): no mart is computed of them again. One row per site and UTC day.",
    )
    op.create_table(
        "erasures",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False, comment="What stands in the place of the worker's code"),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "pseudonym", name=op.f("pk_erasures")),
        schema="ops",
        comment="Erasures that these tables have seen (C39); the archive's journal may know more. One row per worker.",
    )
    _create("is_closed", _NEAR_CLOSED)
    _create("is_frozen", f"{_NEAR_DROPPED} or {_NEAR_CLOSED}")


def downgrade() -> None:
    """Drop both."""
    _create("is_frozen", _NEAR_DROPPED)
    op.execute("drop function ops.is_closed")
    op.drop_table("erasures", schema="ops")
    op.drop_table("closed_days", schema="ops")


def _create(name: str, body: str) -> None:
    # As its owner, like is_frozen since revision 0009: who may ask need not read the ledgers.
    op.execute(
        f"create or replace function ops.{name}(of_site text, of_day date) returns boolean language sql stable "
        f"security definer set search_path = pg_catalog, pg_temp as $$select {body}$$"
    )
