"""API keys that are rotated, limited and default to an equipment; what they used of their quotas."""

import sqlalchemy as sa
from alembic import op

revision = "api_0003"
down_revision = "api_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; split the scope push in two."""
    op.add_column(
        "api_keys",
        sa.Column("equipment_code", sa.Text(), nullable=True, comment="What items are of that name no equipment"),
        schema="inbox",
    )
    for name in ("requests_per_min", "items_per_min"):
        op.add_column(
            "api_keys",
            sa.Column(name, sa.Integer(), nullable=True, comment="Null: the default; 0: unlimited"),
            schema="inbox",
        )
        op.create_check_constraint(op.f(f"ck_api_keys_{name}"), "api_keys", f"{name} >= 0", schema="inbox")
    for name in ("expires_at", "rotated_at"):
        op.add_column("api_keys", sa.Column(name, sa.DateTime(timezone=True), nullable=True), schema="inbox")
    op.add_column(
        "api_keys",
        sa.Column(
            "old_key_hash", sa.LargeBinary(), nullable=True, comment="SHA-256 of the key before the last rotation"
        ),
        schema="inbox",
    )
    op.create_unique_constraint(op.f("uq_api_keys_old_key_hash"), "api_keys", ["old_key_hash"], schema="inbox")
    op.add_column(
        "api_keys", sa.Column("old_key_expires_at", sa.DateTime(timezone=True), nullable=True), schema="inbox"
    )
    op.execute(
        """
        update inbox.api_keys
        set scopes = array_remove(scopes, 'push') || array['push_readings', 'push_events']
        where 'push' = any(scopes)
        """
    )
    op.create_table(
        "quota_windows",
        sa.Column("subject", sa.Text(), nullable=False, comment="key:<name> or ip:<address>"),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False, comment="Leased to instances in this window, spent or not"),
        sa.Column("granted", sa.BigInteger(), nullable=False, comment="What the last lease got"),
        sa.CheckConstraint("unit in ('requests', 'items')", name=op.f("ck_quota_windows_unit")),
        sa.PrimaryKeyConstraint("subject", "unit", name=op.f("pk_quota_windows")),
        schema="inbox",
        prefixes=["unlogged"],
    )


def downgrade() -> None:
    """Drop the table and the columns; who may push one kind may push both again."""
    op.drop_table("quota_windows", schema="inbox")
    op.execute(
        """
        update inbox.api_keys
        set scopes = array_remove(array_remove(scopes, 'push_readings'), 'push_events') || array['push']
        where scopes && array['push_readings', 'push_events']
        """
    )
    for name in (
        "old_key_expires_at",
        "old_key_hash",
        "rotated_at",
        "expires_at",
        "items_per_min",
        "requests_per_min",
        "equipment_code",
    ):
        op.drop_column("api_keys", name, schema="inbox")
