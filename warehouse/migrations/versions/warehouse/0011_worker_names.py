"""The names of workers, apart from all else, for those who may know them (C39)."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0011"
down_revision = "warehouse_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and the role that may read it."""
    op.execute("create schema if not exists restricted")
    op.create_table(
        "worker_names",
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("worker_code", sa.Text(), nullable=False, comment="The pseudonym that everything else goes by"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("site_code", "worker_code", name="pk_worker_names"),
        schema="restricted",
        comment="Read by members of worker_names_reader. It is filled by hand and never travels through the API.",
    )
    # Roles belong to the server: another of its databases may have made this one, even at this moment.
    op.execute(
        """
        do $$
        begin
            if not exists (select 1 from pg_roles where rolname = 'worker_names_reader') then
                create role worker_names_reader nologin;
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end $$
        """
    )
    op.execute("grant usage on schema restricted to worker_names_reader")
    op.execute("grant select on restricted.worker_names to worker_names_reader")


def downgrade() -> None:
    """Drop the names; the role stays, other databases may use it."""
    op.execute("drop schema restricted cascade")
