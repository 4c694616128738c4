"""Keeps the history of each site's registry. What is true now is derived by dbt."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from warehouse.sources import RegistryChange

REGISTRY = "registry"

_INSERT = text(
    """
    with inserted as (
        insert into raw.registry_changes
            (site_code, change_seq, entity, code, payload, changed_by, changed_at, recorded_at)
        select :site_code, c.*, :recorded_at from unnest(
            cast(:change_seqs as bigint[]), cast(:entities as text[]), cast(:codes as text[]),
            cast(:payloads as jsonb[]), cast(:changed_by as text[]), cast(:changed_at as timestamptz[])
        ) as c
        on conflict (site_code, change_seq) do nothing
        returning 1
    )
    select count(*) from inserted
    """
)


def record_registry_changes(
    connection: Connection, site_code: str, changes: Sequence[RegistryChange], recorded_at: datetime
) -> tuple[int, set[datetime]]:
    """Store changes that are not stored yet; return how many those were, and no hour: dimensions have none."""
    columns = {
        "change_seqs": [change.change_seq for change in changes],
        "entities": [change.entity for change in changes],
        "codes": [change.code for change in changes],
        "payloads": [json.dumps(dict(change.payload)) for change in changes],
        "changed_by": [change.changed_by for change in changes],
        "changed_at": [change.changed_at for change in changes],
    }
    inserted = connection.execute(_INSERT, {"site_code": site_code, "recorded_at": recorded_at, **columns})
    return int(inserted.scalar_one()), set()
