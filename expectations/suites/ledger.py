"""What the ingest ledger must look like: rates of refused, repeated and late items. Single items do not belong here.

Rates come from the ledger because refused and repeated items are in no other table (C47). Releases from quarantine are
left out: their items were counted when they first arrived.
"""

from expectations.suites.suite import Expectation, Suite
from expectations.suites.thresholds import DUPLICATE_PCT, INVALID_PCT, LATE_PCT, rate_pct

_QUERY = f"""
with time_zones as (
    select distinct on (site_code) site_code, payload ->> 'time_zone' as time_zone
    from raw.registry_changes
    where entity = 'sites'
    order by site_code, change_seq desc
),
batches as (
    select
        batch.site_code,
        batch.credential,
        date_trunc('hour', batch.received_at) as hour,
        date_trunc('day', batch.received_at, coalesce(time_zones.time_zone, 'UTC')) as day,
        batch.item_count,
        batch.quarantined_count,
        case when batch.is_replay then 0 else batch.item_count end as live_count,
        case when batch.is_replay then 0 else batch.duplicate_count end as duplicate_count,
        case when batch.is_replay then 0 else batch.device_timed_count end as device_timed_count,
        case when batch.is_replay then 0 else batch.late_count end as late_count,
        case when batch.is_replay then null else batch.lateness_p95_s end as lateness_p95_s
    from raw.batches as batch
    left join time_zones on time_zones.site_code = batch.site_code
    where batch.received_at >= {{start}} and batch.received_at < {{end}} and batch.origin = 'push'
),
groups as (
    select
        case when grouping(credential) = 0 then 'hour' else 'day' end as grain,
        site_code,
        coalesce(credential, '') as subject_code,
        coalesce(hour, day) as period_start,
        sum(item_count) as item_count,
        sum(quarantined_count) as quarantined_count,
        sum(live_count) as live_count,
        sum(duplicate_count) as duplicate_count,
        sum(device_timed_count) as device_timed_count,
        sum(late_count) as late_count,
        coalesce(max(lateness_p95_s), 0) as worst_batch_p95_s
    from batches
    group by grouping sets ((site_code, credential, hour), (site_code, day))
)
select
    *,
    cast(null as timestamptz) as first_hour,
    cast(null as timestamptz) as last_hour,
    {rate_pct("quarantined_count", "item_count")} as invalid_pct,
    {rate_pct("duplicate_count", "live_count")} as duplicate_pct,
    {rate_pct("late_count", "device_timed_count")} as late_pct
from groups
"""

SUITE = Suite(
    name="ledger",
    asset_key=("raw", "batches"),
    time_column="received_at",
    description="One row per source (credential) and hour, and one per site and day.",
    query=_QUERY,
    expectations=(
        Expectation(
            name="invalid_rate_is_low",
            column="invalid_pct",
            below=INVALID_PCT,
            severity="critical",
            description="Under 10 % of the items received are quarantined, per source and hour and per site and day.",
            mission=("S0-059", "S0-060", "S0-064", "C47", "C48"),
        ),
        Expectation(
            name="duplicate_rate_is_low",
            column="duplicate_pct",
            below=DUPLICATE_PCT,
            severity="critical",
            description="Under 5 % of the items received were stored before; store-and-forward backlogs do not count.",
            mission=("S0-062", "S0-065", "C48"),
        ),
        Expectation(
            name="late_arrival_p95_is_under_60_min",
            column="late_pct",
            at_most=LATE_PCT,
            # Blocking late data would be refusing it: D5 and C17 make lateness a figure, never a rejection rule.
            severity="warning",
            description="The 95th percentile of lateness is under 60 minutes: at most 5 % of the device-timed items"
            " arrive 60 minutes after their event or later; store-and-forward backlogs do not count.",
            mission=("S0-061", "S0-066", "C15", "C17", "C48"),
        ),
    ),
)
