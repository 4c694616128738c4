"""What every table shares: the two databases' metadata, how constraints are named, a column for times."""

from sqlalchemy import Column, DateTime, MetaData, func

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

api_metadata = MetaData(naming_convention=NAMING)
warehouse_metadata = MetaData(naming_convention=NAMING)


def utc(name: str, *, nullable: bool = False, now: bool = False, comment: str | None = None) -> Column[object]:
    """A `timestamptz` column; `now` lets the server fill it."""
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default, comment=comment)
