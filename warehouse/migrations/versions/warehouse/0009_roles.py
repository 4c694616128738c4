"""One role for each package, with the least rights it works with. Logins and passwords are `warehouse/roles.py`'s.

Tables of later revisions get the same rights by default privileges; so they hold for whoever runs the migrations.
"""

from alembic import op

from warehouse.roles import create_roles

revision = "warehouse_0009"
down_revision = "warehouse_0008"
branch_labels = None
depends_on = None

_READS = {
    "raw": ("millrace_loader", "millrace_dbt", "millrace_expectations"),
    # Dagster's sensors ask for promotions and drift episodes.
    "ml": ("millrace_ml", "millrace_dbt", "millrace_loader"),
    "ops": ("millrace_dbt",),
}
# Nobody but the owner deletes from raw: what was loaded stays.
_WRITES = {"raw": ("millrace_loader", "insert, update"), "ml": ("millrace_ml", "insert, update, delete")}
_BUILT = ("staging", "intermediate", "marts", "seeds")


def upgrade() -> None:
    """Create the roles and grant what each package needs."""
    create_roles(op.get_bind())
    for schema, roles in _READS.items():
        for role in roles:
            op.execute(f"grant usage on schema {schema} to {role}")
            _grant("select", schema, role)
    for schema, (role, rights) in _WRITES.items():
        _grant(rights, schema, role)
    # Which hours wait for a restore: ops.is_frozen.
    op.execute("grant usage on schema ops to millrace_loader")
    op.execute("grant select on ops.archived_days to millrace_loader")
    op.execute("grant usage on schema ops to millrace_expectations")
    op.execute("grant select, insert on ops.validation_results to millrace_expectations")
    # New scores reopen the hours that they lie in (warehouse/ledger.py).
    op.execute("grant usage on schema raw to millrace_ml")
    op.execute("grant select, update (touch_count, rolled_up_count) on raw.touched_hours to millrace_ml")
    # Whoever may ask whether a day is frozen need not read the archive's ledger; views of marts ask for their readers.
    op.execute("alter function ops.is_frozen(text, date) security definer set search_path = pg_catalog, pg_temp")
    op.execute("grant usage on schema ops to millrace_loader, millrace_ml")
    for schema in _BUILT:
        op.execute(f"grant usage, create on schema {schema} to millrace_dbt")
    # Whoever builds a mart, bi_reader reads it; revision 0004 says so for the one who migrates.
    op.execute(
        """
        do $$
        begin
            if pg_has_role(current_user, 'millrace_dbt', 'usage') then
                alter default privileges for role millrace_dbt in schema marts grant select on tables to bi_reader;
            end if;
        end $$
        """
    )


def downgrade() -> None:
    """Take the rights back; the roles stay, other databases may use them."""
    op.execute(
        """
        do $$
        begin
            if pg_has_role(current_user, 'millrace_dbt', 'usage') then
                alter default privileges for role millrace_dbt in schema marts revoke select on tables from bi_reader;
            end if;
        end $$
        """
    )
    for schema in _BUILT:
        op.execute(f"revoke usage, create on schema {schema} from millrace_dbt")
    op.execute("alter function ops.is_frozen(text, date) security invoker reset search_path")
    op.execute("revoke all on raw.touched_hours from millrace_ml")
    for schema in _READS:
        for role in ("millrace_loader", "millrace_dbt", "millrace_expectations", "millrace_ml"):
            op.execute(f"revoke all on all tables in schema {schema} from {role}")
            op.execute(f"alter default privileges in schema {schema} revoke all on tables from {role}")
            op.execute(f"revoke usage on schema {schema} from {role}")


def _grant(rights: str, schema: str, role: str) -> None:
    op.execute(f"grant {rights} on all tables in schema {schema} to {role}")
    op.execute(f"alter default privileges in schema {schema} grant {rights} on tables to {role}")
