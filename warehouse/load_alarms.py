"""Keeps what became of each site's alarms, and says which hours' statistics that changes. The arithmetic is dbt's.

A change of an alarm is told by the hours of `marts.fct_alarm_statistics_hourly` in which it shows:

- the hour in which the alarm was raised, and those of alarms up to a minute later: chattering looks a minute back;
- the hours at whose start it had stood for a day: where an alarm is raised late, or its end becomes known late, these
  may have been computed before.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from warehouse import ingest_ledger
from warehouse.sources import AlarmChange

ALARMS = "alarms"

_INSERT = text(
    """
    insert into raw.alarm_changes (site_code, change_seq, alarm_id, transition, changed_at, value, changed_by,
        rule_code, equipment_code, metric, severity, recorded_at)
    select :site_code, c.*, :recorded_at from unnest(
        cast(:change_seq as bigint[]), cast(:alarm_id as bigint[]), cast(:transition as text[]),
        cast(:changed_at as timestamptz[]), cast(:value as double precision[]), cast(:changed_by as text[]),
        cast(:rule_code as text[]), cast(:equipment_code as text[]), cast(:metric as text[]), cast(:severity as text[])
    ) as c
    on conflict (site_code, change_seq) do nothing
    returning change_seq
    """
)
# An alarm both raised and cleared by these changes stood from raised_at to cleared_at. One that was known to stand
# stands no longer from cleared_at on. In between the two, nothing changes.
_HOURS = text(
    """
    with lives as (
        select
            min(changed_at) filter (where transition = 'raised') as raised_at,
            min(changed_at) filter (where transition = 'cleared') as cleared_at,
            coalesce(bool_or(change_seq = any(:inserted)) filter (where transition = 'raised'), false) as is_new,
            coalesce(bool_or(change_seq = any(:inserted)) filter (where transition = 'cleared'), false) as has_ended
        from raw.alarm_changes
        where
            site_code = :site_code
            and alarm_id in (
                select alarm_id from raw.alarm_changes where site_code = :site_code and change_seq = any(:inserted)
            )
        group by alarm_id
    ),
    spans as (
        select
            case when is_new then raised_at + interval '24 hours'
                else greatest(cleared_at, raised_at + interval '24 hours') end as started_at,
            case when is_new then coalesce(cleared_at, 'infinity') else 'infinity' end as ended_at
        from lives
        where is_new or has_ended
    )
    select date_trunc('hour', raised_at, 'UTC') from lives where raised_at is not null
    union
    select date_trunc('hour', later.changed_at, 'UTC')
    from lives
    inner join raw.alarm_changes as later
        on later.changed_at > lives.raised_at and later.changed_at <= lives.raised_at + interval '1 minute'
    where lives.is_new and later.site_code = :site_code and later.transition = 'raised'
    union
    select touched.hour from raw.touched_hours as touched
    where
        touched.site_code = :site_code
        and touched.hour >= (select min(started_at) from spans)
        and exists (select from spans where touched.hour >= spans.started_at and touched.hour < spans.ended_at)
    """
)
# An alarm is never standing that was cleared within a day: the statistics need not read it to find those that are.
_MARK = text(
    """
    update raw.alarm_changes as raised set is_brief = true
    from raw.alarm_changes as cleared
    where raised.site_code = :site_code and cleared.site_code = :site_code and cleared.alarm_id = raised.alarm_id
        and raised.transition = 'raised' and not raised.is_brief and cleared.transition = 'cleared'
        and cleared.changed_at <= raised.changed_at + interval '24 hours'
        and raised.alarm_id in (
            select alarm_id from raw.alarm_changes where site_code = :site_code and change_seq = any(:inserted)
        )
    """
)
_COLUMNS = (
    *("change_seq", "alarm_id", "transition", "changed_at", "value", "changed_by"),
    *("rule_code", "equipment_code", "metric", "severity"),
)


def record_alarm_changes(
    connection: Connection, site_code: str, changes: Sequence[AlarmChange], recorded_at: datetime
) -> tuple[int, set[datetime]]:
    """Store changes that are not stored yet; return how many those were, and the hours they change."""
    # Another load of the site may be adding hours to the ledger: those have to be seen.
    for kind in ("readings", "events"):
        ingest_ledger.lock(connection, site_code, kind)
    columns = {name: [getattr(change, name) for change in changes] for name in _COLUMNS}
    inserted = connection.execute(_INSERT, {"site_code": site_code, "recorded_at": recorded_at, **columns})
    seqs: list[int] = list(inserted.scalars())
    if not seqs:
        return 0, set()
    connection.execute(_MARK, {"site_code": site_code, "inserted": seqs})
    hours = connection.execute(_HOURS, {"site_code": site_code, "inserted": seqs})
    return len(seqs), set(hours.scalars())
