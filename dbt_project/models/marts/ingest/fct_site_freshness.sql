{{ config(materialized='view', tags=['reference']) }}

with loads as (

    select
        site_code,
        max(recorded_at) as loaded_at
    from {{ source('raw', 'loads') }}
    group by site_code

),

pending as (

    select
        site_code,
        min(hour) as first_hour
    from {{ source('raw', 'touched_hours') }}
    where summarized_count < touch_count
    group by site_code

)

select
    loads.site_code,
    loads.loaded_at,
    least(loads.loaded_at, pending.first_hour) as summarized_until
from loads
left join pending on loads.site_code = pending.site_code
