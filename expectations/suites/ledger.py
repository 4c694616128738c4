"""What the ingest ledger must look like: rates of refused, repeated and late items. Single items do not belong here.

Rates come from the ledger because refused and repeated items are in no other table (C47). Releases from quarantine are
left out: their items were counted when they first arrived.
"""

from expectations.receipts import RECEIPTS, ZONES
from expectations.suites.rates import is_forgiven, rate_pct
from expectations.suites.suite import Expectation, Suite

_COLUMNS = ", ".join(
    f"batch.{name}"
    for name in (
        "site_code",
        "credential",
        "origin",
        "is_replay",
        "item_count",
        "quarantined_count",
        "duplicate_count",
        "device_timed_count",
        "late_count",
        "lateness_p95_s",
        "received_at",
    )
)
# Days are judged whole, by all that the site received of them, however little of them the window shows (C48).
_QUERY = f"""
with zones as (
    {ZONES}
),
receipts as materialized (
    {RECEIPTS}
),
days as (
    -- Where midnight comes twice, PostgreSQL takes the second one.
    select
        min(date_trunc('day', {{start}}, time_zone)) - interval '1 hour' as first_instant,
        max(
            (date_trunc('day', ({{end}} - interval '1 microsecond') at time zone time_zone) + interval '1 day')
            at time zone time_zone
        ) as end_instant
    from (select time_zone from zones union select 'UTC') as known
),
judged as (
    select {_COLUMNS}
    from raw.batches as batch
    where
        batch.received_at >= (select first_instant from days)
        and batch.received_at < (select end_instant from days)
    union all
    -- Clocks change by an hour at most; where midnight comes twice, the day begins with the first one.
    select {_COLUMNS}
    from (select distinct site_code, received_day from receipts) as other
    left join zones on zones.site_code = other.site_code
    inner join raw.batches as batch
        on batch.site_code = other.site_code
        and batch.received_at >= other.received_day - interval '1 hour'
        and batch.received_at < other.received_day + interval '25 hours'
        and date_trunc('day', batch.received_at, coalesce(zones.time_zone, 'UTC')) = other.received_day
    where
        -- What the window shows anyway is read once.
        not (
            other.received_day - interval '1 hour' >= (select first_instant from days)
            and other.received_day + interval '25 hours' <= (select end_instant from days)
        )
        and not (
            batch.received_at >= (select first_instant from days)
            and batch.received_at < (select end_instant from days)
        )
),
tallies as materialized (
    -- A day may have a million batches: they are summed up once, before anything is sorted. Lateness is cut to whole
    -- seconds, which keeps it on its side of any limit in whole seconds.
    select
        batch.site_code,
        batch.credential as source,
        coalesce(zones.time_zone, 'UTC') as time_zone,
        case
            when
                batch.received_at >= {{start}} and batch.received_at < {{end}}
                or (batch.site_code, date_trunc('hour', batch.received_at)) in (
                    select site_code, received_hour from receipts
                )
                then date_trunc('hour', batch.received_at)
        end as hour,
        date_trunc('day', batch.received_at, coalesce(zones.time_zone, 'UTC')) as day,
        case when not batch.is_replay then floor(batch.lateness_p95_s) end as lateness_p95_s,
        sum(batch.item_count) as item_count,
        sum(batch.quarantined_count) as quarantined_count,
        sum(case when batch.is_replay then 0 else batch.item_count end) as live_count,
        sum(case when batch.is_replay then 0 else batch.duplicate_count end) as duplicate_count,
        sum(case when batch.is_replay then 0 else batch.device_timed_count end) as timed_count,
        sum(case when batch.is_replay then 0 else batch.late_count end) as late_count
    from judged as batch
    left join zones on zones.site_code = batch.site_code
    where batch.origin = 'push'
    group by 1, 2, 3, 4, 5, 6
),
parts as (
    select
        tallies.*,
        part.*,
        sum(timed_count) over (same_group order by lateness_p95_s) as timed_up_to_count,
        sum(timed_count) over same_group as all_timed_count
    from tallies
    cross join lateral (
        values ('hour', source, hour), ('day', case when {{apart}} then source else '' end, day)
    ) as part (grain, subject_code, period_start)
    where
        period_start is not null
        and (
            day between date_trunc('day', {{start}}, time_zone)
            and date_trunc('day', {{end}} - interval '1 microsecond', time_zone)
            or (site_code, day) in (select site_code, received_day from receipts)
        )
    window same_group as (partition by site_code, grain, subject_code, period_start)
),
groups as (
    select
        grain,
        site_code,
        subject_code,
        period_start,
        cast(sum(item_count) as bigint) as item_count,
        cast(sum(quarantined_count) as bigint) as quarantined_count,
        cast(sum(live_count) as bigint) as live_count,
        cast(sum(duplicate_count) as bigint) as duplicate_count,
        cast(sum(timed_count) as bigint) as timed_count,
        cast(sum(late_count) as bigint) as late_count,
        -- Of the batches' own percentiles the one that 95 % of the items stay within.
        coalesce(min(lateness_p95_s) filter (where timed_up_to_count >= 0.95 * all_timed_count), 0) as batches_p95_s
    from parts
    group by grain, site_code, subject_code, period_start
)
select
    *,
    subject_code as source,
    cast(null as timestamptz) as first_hour,
    cast(null as timestamptz) as last_hour,
    {rate_pct("quarantined_count", "item_count")} as invalid_pct,
    {rate_pct("duplicate_count", "live_count")} as duplicate_pct,
    -- What came 60 minutes after its event or later is counted, so on which side of 60 it is, is exact: by nearest rank
    -- the 95th percentile is less if at most 5 % of the items did.
    case
        when {is_forgiven("late_count", "timed_count")} or late_count * 20 <= timed_count
            then least(cast(batches_p95_s as numeric) / 60, 59.999)
        else greatest(cast(batches_p95_s as numeric) / 60, 60)
    end as lateness_p95_min
from groups
"""

SUITE = Suite(
    name="ledger",
    asset_key=("raw", "batches"),
    time_column="received_at",
    description="One row per source (credential) and hour of receipt, and one per site and whole local day; sources"
    " with thresholds of their own have days of their own. Hours of receipt are those of the window, and those in which"
    " was received what waits in it for its rollup.",
    scopes=("source",),
    query=_QUERY,
    expectations=(
        Expectation(
            name="invalid_rate_is_low",
            column="invalid_pct",
            dimension="validity",
            description="Few of the items received are quarantined, per source and hour and per site and day.",
            mission=("S0-059", "S0-060", "S0-064", "C47", "C48"),
        ),
        Expectation(
            name="duplicate_rate_is_low",
            column="duplicate_pct",
            dimension="uniqueness",
            description="Few of the items received were stored before; store-and-forward backlogs do not count.",
            mission=("S0-062", "S0-065", "C48"),
        ),
        Expectation(
            name="late_arrival_p95_is_low",
            column="lateness_p95_min",
            dimension="timeliness",
            description="95 % of the device-timed items arrive soon after their event, in minutes; store-and-forward"
            " backlogs do not count.",
            mission=("S0-061", "S0-066", "C15", "C17", "C48"),
        ),
    ),
)
