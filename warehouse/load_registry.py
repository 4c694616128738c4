"""Keeps the history of each site's registry, and tells whose figures it changes. What is true now is derived by dbt."""

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
        returning change_seq
    )
    select change_seq from inserted
    """
)
# Facts that a change has a say in either came after it, or not long before: rows name a code that was registered when
# they were received, but a load may bring them ahead of the change. An hour allows for clocks that disagree.
# Everything follows a site's time zone. The first version of a shift holds for the time before it too.
_HOURS = text(
    """
    with changes as (select * from raw.registry_changes where site_code = :site_code and change_seq = any(:change_seqs))
    select hour from raw.touched_hours where site_code = :site_code and (
        touched_at >= (select min(changed_at) from changes) - interval '1 hour'
        or exists (
            select from changes as c where c.entity = 'sites' and c.payload ->> 'time_zone' is distinct from (
                select e.payload ->> 'time_zone' from raw.registry_changes as e
                where (e.site_code, e.entity, e.code) = (c.site_code, c.entity, c.code) and e.change_seq < c.change_seq
                order by e.change_seq desc limit 1
            )
        )
        or exists (
            select from changes as c where c.entity = 'shifts' and not exists (
                select from raw.registry_changes as e
                where (e.site_code, e.entity, e.code) = (c.site_code, c.entity, c.code) and e.change_seq < c.change_seq
            )
        )
    )
    """
)


def record_registry_changes(
    connection: Connection, site_code: str, changes: Sequence[RegistryChange], recorded_at: datetime
) -> tuple[int, set[datetime]]:
    """Store changes that are not stored yet; return how many those were, and the hours whose figures they may alter."""
    columns = {
        "change_seqs": [change.change_seq for change in changes],
        "entities": [change.entity for change in changes],
        "codes": [change.code for change in changes],
        "payloads": [json.dumps(dict(change.payload)) for change in changes],
        "changed_by": [change.changed_by for change in changes],
        "changed_at": [change.changed_at for change in changes],
    }
    parameters = {"site_code": site_code, "recorded_at": recorded_at, **columns}
    change_seqs: list[int] = list(connection.execute(_INSERT, parameters).scalars())
    return len(change_seqs), _hours_changed_by(connection, site_code, change_seqs)


def _hours_changed_by(connection: Connection, site_code: str, change_seqs: Sequence[int]) -> set[datetime]:
    """The hours, of those that loads have touched, whose figures changes of the registry may alter."""
    changes = {"site_code": site_code, "change_seqs": list(change_seqs)}
    return set(connection.execute(_HOURS, changes).scalars()) if change_seqs else set()
