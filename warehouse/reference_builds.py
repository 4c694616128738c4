"""For what the reference models (seeds, staging views, dimensions) were built last. Who builds them is not known here.

It stands in the warehouse, beside the ledger whose settling depends on it: a warehouse that was restored from a backup
has the dimensions of that moment, and says so.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, insert, select

from warehouse.tables import reference_builds


@dataclass(frozen=True)
class ReferenceBuild:
    """A build that was completed; `content` names the registry and the project it was made for."""

    number: int
    content: str


NEVER = ReferenceBuild(0, "")


def newest(engine: Engine) -> ReferenceBuild:
    """The last build that was completed, or `NEVER`."""
    query = select(reference_builds.c.build_id, reference_builds.c.content)
    with engine.connect() as connection:
        row = connection.execute(query.order_by(reference_builds.c.build_id.desc()).limit(1)).one_or_none()
    return NEVER if row is None else ReferenceBuild(row.build_id, row.content)


def record(engine: Engine, content: str) -> None:
    """Record a completed build. `content` is what there was before it began: it may have seen more, never less."""
    with engine.begin() as connection:
        connection.execute(insert(reference_builds).values(content=content))
