{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

-- From the ledger itself, not from hours of receipt: local midnight may lie within one.
with batches as (

    select
        batches.*,
        cast(batches.received_at at time zone coalesce(sites.time_zone, 'UTC') as date) as date,
        {{ quality_flags() }}
    from {{ ref('stg_raw__batches') }} as batches
    left join {{ ref('dim_sites') }} as sites on batches.site_code = sites.site_code
    where {{ around_dates('batches.received_at') }}

),

counted as (

    select
        site_code,
        date,
        count(distinct source_code) as source_count,
        sum(inserted_count) filter (where kind = 'readings') as new_reading_count,
        sum(inserted_count) filter (where kind = 'events') as new_event_count,
        {{ quality_sums() }}
    from batches
    where {{ in_dates('date') }}
    group by site_code, date

)

select
    site_code,
    date,
    source_count,
    batch_count,
    item_count,
    accepted_count,
    quarantined_count,
    inserted_count,
    duplicate_count,
    revised_count,
    late_count,
    coalesce(new_reading_count, 0) as new_reading_count,
    coalesce(new_event_count, 0) as new_event_count,
    {{ quality_rates() }}
from counted
