"""Schemas that dbt fills, and the role by which BI tools read the marts. What is in them is dbt's."""

from alembic import op

revision = "warehouse_0004"
down_revision = "warehouse_0003"
branch_labels = None
depends_on = None

_SCHEMAS = ("staging", "intermediate", "marts", "seeds")


def upgrade() -> None:
    """Create the schemas, and let bi_reader read marts and nothing else."""
    for schema in _SCHEMAS:
        op.execute(f"create schema if not exists {schema}")
    # Roles belong to the server: another of its databases may have made this one, even at this moment.
    op.execute(
        """
        do $$
        begin
            if not exists (select 1 from pg_roles where rolname = 'bi_reader') then
                create role bi_reader nologin;
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end $$
        """
    )
    op.execute("grant usage on schema marts to bi_reader")
    op.execute("grant select on all tables in schema marts to bi_reader")
    op.execute("alter default privileges in schema marts grant select on tables to bi_reader")


def downgrade() -> None:
    """Drop the schemas with all that dbt built; the role stays, other databases may use it."""
    for schema in reversed(_SCHEMAS):
        op.execute(f"drop schema {schema} cascade")
