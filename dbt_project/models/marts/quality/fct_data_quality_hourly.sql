{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

-- These reasons say that an item contradicts the registry, malformed_item that it lacks something; all others, that one
-- of its values is not to be believed.
{%- set inconsistent = ['unknown_equipment', 'unknown_work_unit', 'unknown_worker', 'unit_mismatch'] %}

-- Two kinds of batches tell nothing of how well a source sends now: the backlog of one that was cut off (C48), and
-- items let out of quarantine, which were counted when they first came.
with batches as (

    select
        *,
        date_trunc('hour', received_at, 'UTC') as hour,
        origin = 'push' as is_push,
        origin = 'push' and not is_replay as is_live,
        coalesce(cast(quarantine_reasons ->> 'malformed_item' as bigint), 0) as incomplete_count,
        {% for reason in inconsistent -%}
            coalesce(cast(quarantine_reasons ->> '{{ reason }}' as bigint), 0){{ '' if loop.last else ' + ' }}
        {%- endfor %} as inconsistent_count
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
        sum(incomplete_count) filter (where is_push) as pushed_incomplete_count,
        sum(inconsistent_count) filter (where is_push) as pushed_inconsistent_count,
        sum(item_count) filter (where is_live) as live_count,
        sum(duplicate_count) filter (where is_live) as live_duplicate_count,
        sum(device_timed_count) filter (where is_live) as live_timed_count,
        sum(late_count) filter (where is_live) as live_late_count
    from batches
    group by site_code, source_code, hour

),

-- The ledger knows each batch's median and 95th percentile. Weighted by items, the one that half of the items, or 95 %
-- of them, stay within.
ranked as (

    select
        site_code,
        source_code,
        hour,
        lateness_p50_s,
        lateness_p95_s,
        sum(device_timed_count) over (
            partition by site_code, source_code, hour
            order by lateness_p50_s
        ) as items_up_to_p50,
        sum(device_timed_count) over (
            partition by site_code, source_code, hour
            order by lateness_p95_s
        ) as items_up_to_p95,
        sum(device_timed_count) over (partition by site_code, source_code, hour) as items
    from batches
    where is_live and device_timed_count > 0

),

lateness as (

    select
        site_code,
        source_code,
        hour,
        min(lateness_p50_s) filter (where items_up_to_p50 >= 0.5 * items) as lateness_p50_s,
        min(lateness_p95_s) filter (where items_up_to_p95 >= 0.95 * items) as lateness_p95_s
    from ranked
    group by site_code, source_code, hour

),

rated as (

    select
        counted.*,
        lateness.lateness_p50_s,
        lateness.lateness_p95_s,
        round(100.0 * counted.pushed_quarantined_count / nullif(counted.pushed_count, 0), 4) as invalid_pct,
        round(100.0 * counted.live_duplicate_count / nullif(counted.live_count, 0), 4) as duplicate_pct,
        round(100.0 * counted.live_late_count / nullif(counted.live_timed_count, 0), 4) as late_pct,
        round(100.0 * counted.pushed_incomplete_count / nullif(counted.pushed_count, 0), 4) as incomplete_pct,
        round(100.0 * counted.pushed_inconsistent_count / nullif(counted.pushed_count, 0), 4) as inconsistent_pct,
        round(
            100.0
            * (counted.pushed_quarantined_count - counted.pushed_incomplete_count - counted.pushed_inconsistent_count)
            / nullif(counted.pushed_count, 0), 4
        ) as unbelievable_pct
    from counted
    left join lateness
        on
            counted.site_code = lateness.site_code
            and counted.source_code = lateness.source_code
            and counted.hour = lateness.hour

)

select
    site_code,
    source_code,
    hour,
    batch_count,
    item_count,
    accepted_count,
    quarantined_count,
    inserted_count,
    duplicate_count,
    revised_count,
    late_count,
    cast(invalid_pct as numeric(7, 4)) as invalid_pct,
    cast(duplicate_pct as numeric(7, 4)) as duplicate_pct,
    cast(late_pct as numeric(7, 4)) as late_pct,
    cast(round(cast(lateness_p95_s as numeric), 3) as numeric(18, 3)) as lateness_p95_s,
    cast(round(cast(lateness_p50_s as numeric), 3) as numeric(18, 3)) as lateness_p50_s,
    cast(100 - incomplete_pct as numeric(7, 4)) as completeness_pct,
    cast(100 - unbelievable_pct as numeric(7, 4)) as validity_pct,
    cast(100 - late_pct as numeric(7, 4)) as timeliness_pct,
    cast(100 - duplicate_pct as numeric(7, 4)) as uniqueness_pct,
    cast(100 - inconsistent_pct as numeric(7, 4)) as consistency_pct,
    -- By counts, not by rounded rates: the threshold itself fails (C48).
    10 * pushed_quarantined_count < nullif(pushed_count, 0) as is_invalid_rate_met,
    20 * live_duplicate_count < nullif(live_count, 0) as is_duplicate_rate_met,
    20 * live_late_count <= nullif(live_timed_count, 0) as is_lateness_met
from rated
