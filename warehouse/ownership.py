"""Whether a login may change what raw rows are stored as: only who owns the tables may. Roles are `roles.py`'s."""

from sqlalchemy import Connection, text

from warehouse.errors import NotOwner

_IS_OWNER = text(
    "select pg_has_role(current_user, relowner, 'usage') from pg_class where oid = cast('raw.readings' as regclass)"
)


def require_owner(connection: Connection) -> None:
    """Refuse a login that would fail halfway.

    Raises:
        NotOwner: It does not own the raw tables.
    """
    if not connection.scalar(_IS_OWNER):
        raise NotOwner(
            "archiving, restoring, compressing and dropping need the login that owns the raw tables: name it in "
            "MILLRACE_STORAGE_WAREHOUSE_URL"
        )
