{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

with batches as (

    select
        *,
        date_trunc('hour', received_at, 'UTC') as hour,
        {{ quality_flags() }}
    from {{ ref('stg_raw__batches') }}
    where {{ in_hours('received_at') }}

),

counted as (

    select
        site_code,
        source_code,
        hour,
        {{ quality_sums() }}
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

combined as (

    select
        counted.*,
        lateness.lateness_p50_s,
        lateness.lateness_p95_s
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
    cast(round(cast(lateness_p50_s as numeric), 3) as numeric(18, 3)) as lateness_p50_s,
    cast(round(cast(lateness_p95_s as numeric), 3) as numeric(18, 3)) as lateness_p95_s,
    {{ quality_rates() }}
from combined
