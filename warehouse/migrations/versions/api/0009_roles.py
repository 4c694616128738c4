"""The role of the ingestion API, with the least rights it works with. Its password is `warehouse/roles.py`'s."""

from alembic import op

from warehouse.roles import create_roles

revision = "api_0009"
down_revision = "api_0008"
branch_labels = None
depends_on = None

_SCHEMAS = ("inbox", "registry")


def upgrade() -> None:
    """Create the role; it adds and changes, and deletes nothing but quotas that have ended."""
    create_roles(op.get_bind())
    for schema in _SCHEMAS:
        op.execute(f"grant usage on schema {schema} to millrace_ingestion")
        op.execute(f"grant select, insert, update on all tables in schema {schema} to millrace_ingestion")
        op.execute(
            f"alter default privileges in schema {schema} grant select, insert, update on tables to millrace_ingestion"
        )
    op.execute("grant delete on inbox.quota_windows to millrace_ingestion")


def downgrade() -> None:
    """Take the rights back; the role stays, other databases may use it."""
    for schema in _SCHEMAS:
        op.execute(f"revoke all on all tables in schema {schema} from millrace_ingestion")
        op.execute(f"alter default privileges in schema {schema} revoke all on tables from millrace_ingestion")
        op.execute(f"revoke usage on schema {schema} from millrace_ingestion")
