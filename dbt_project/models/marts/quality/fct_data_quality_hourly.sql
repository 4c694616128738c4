{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

-- Two kinds of batches tell nothing of how well a source sends now: the backlog of one that was cut off (C48), and
-- items let out of quarantine, which were counted when they first came.
with batches as (

    select
        *,
        date_trunc('hour', received_at, 'UTC') as hour,
        origin = 'push' as is_push,
        origin = 'push' and not is_replay as is_live
    from {{ ref('stg_raw__batches') }}
    where {{ in_hours('received_at') }}

),

counted as (

    select
        site_code,
        source_code,
        hour,
        count(*) as batch_count,
        sum(item_count) as item_count,
        sum(accepted_count) as accepted_count,
        sum(quarantined_count) as quarantined_count,
        sum(inserted_count) as inserted_count,
        sum(duplicate_count) as duplicate_count,
        sum(revised_count) as revised_count,
        sum(late_count) as late_count,
        sum(item_count) filter (where is_push) as pushed_count,
        sum(quarantined_count) filter (where is_push) as pushed_quarantined_count,
        sum(item_count) filter (where is_live) as live_count,
        sum(duplicate_count) filter (where is_live) as live_duplicate_count,
        sum(device_timed_count) filter (where is_live) as live_timed_count,
        sum(late_count) filter (where is_live) as live_late_count
    from batches
    group by site_code, source_code, hour

),

-- The ledger knows each batch's 95th percentile. Weighted by items, the one that 95 % of the items stay within.
ranked as (

    select
        site_code,
        source_code,
        hour,
        lateness_p95_s,
        sum(device_timed_count) over (
            partition by site_code, source_code, hour
            order by lateness_p95_s
        ) as items_up_to,
        sum(device_timed_count) over (partition by site_code, source_code, hour) as items
    from batches
    where is_live and device_timed_count > 0

),

lateness as (

    select
        site_code,
        source_code,
        hour,
        min(lateness_p95_s) filter (where items_up_to >= 0.95 * items) as lateness_p95_s
    from ranked
    group by site_code, source_code, hour

)

select
    counted.site_code,
    counted.source_code,
    counted.hour,
    counted.batch_count,
    counted.item_count,
    counted.accepted_count,
    counted.quarantined_count,
    counted.inserted_count,
    counted.duplicate_count,
    counted.revised_count,
    counted.late_count,
    cast(
        round(100.0 * counted.pushed_quarantined_count / nullif(counted.pushed_count, 0), 4) as numeric(7, 4)
    ) as invalid_pct,
    cast(
        round(100.0 * counted.live_duplicate_count / nullif(counted.live_count, 0), 4) as numeric(7, 4)
    ) as duplicate_pct,
    cast(
        round(100.0 * counted.live_late_count / nullif(counted.live_timed_count, 0), 4) as numeric(7, 4)
    ) as late_pct,
    cast(round(cast(lateness.lateness_p95_s as numeric), 3) as numeric(18, 3)) as lateness_p95_s
from counted
left join lateness
    on
        counted.site_code = lateness.site_code
        and counted.source_code = lateness.source_code
        and counted.hour = lateness.hour
