{{ config(materialized='view', tags=['reference']) }}
-- The loader's ledgers are no assets; they are written with this table, after which lineage places the view.
-- depends_on: {{ source('raw', 'batches') }}

with loads as (

    select
        site_code,
        max(recorded_at) as loaded_at
    from raw.loads
    group by site_code

),

pending as (

    select
        site_code,
        min(hour) as first_hour
    from raw.touched_hours
    where
        summarized_count < touch_count
        -- What came after its day was dropped waits for a restore, and nothing else does. As warehouse/ledger.py says,
        -- whose ops.is_frozen would look with the rights of whoever reads this view.
        and not exists (
            select 1 from ops.archived_days
            where
                archived_days.dropped_at is not null
                and archived_days.site_code = touched_hours.site_code
                and archived_days.day between cast(touched_hours.hour at time zone 'UTC' as date) - 4
                and cast(touched_hours.hour at time zone 'UTC' as date) + 3
        )
        and not exists (
            select 1 from ops.closed_days
            where
                closed_days.site_code = touched_hours.site_code
                and closed_days.day between cast(touched_hours.hour at time zone 'UTC' as date) - 7
                and cast(touched_hours.hour at time zone 'UTC' as date) + 3
        )
    group by site_code

)

select
    loads.site_code,
    loads.loaded_at,
    least(loads.loaded_at, pending.first_hour) as summarized_until
from loads
left join pending on loads.site_code = pending.site_code
