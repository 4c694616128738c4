"""ml.promotions: a challenger may score beside the champion before it is decided about; ml reads what checks found."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0019"
down_revision = "warehouse_0018"
branch_labels = None
depends_on = None

_UNIQUE = "uq_promotions_model_name_challenger_version"


def upgrade() -> None:
    """Add the columns; a challenger may now have one decision by the gate and one after its time as shadow."""
    op.add_column(
        "promotions",
        sa.Column(
            "is_shadow",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Scores beside the champion until the next decision about it",
        ),
        schema="ml",
    )
    op.add_column("promotions", sa.Column("data_until", sa.DateTime(timezone=True), nullable=True), schema="ml")
    op.create_check_constraint(
        op.f("ck_promotions_is_shadow"), "promotions", "not (is_promoted and is_shadow)", schema="ml"
    )
    _unique(["model_name", "challenger_version", "is_shadow"])
    op.execute("grant select on ops.validation_results to millrace_ml")


def downgrade() -> None:
    """Forget shadows: their first decisions go, what was decided in the end stays."""
    op.execute("revoke select on ops.validation_results from millrace_ml")
    op.execute("delete from ml.promotions where is_shadow")
    _unique(["model_name", "challenger_version"])
    op.drop_column("promotions", "data_until", schema="ml")
    op.drop_column("promotions", "is_shadow", schema="ml")


def _unique(columns: list[str]) -> None:
    op.drop_index(_UNIQUE, "promotions", schema="ml")
    op.create_index(
        _UNIQUE, "promotions", columns, unique=True, schema="ml", postgresql_where=sa.text("trigger <> 'rollback'")
    )
