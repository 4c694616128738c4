{{ config(materialized='ephemeral', tags=['daily']) }}

with windowed as (

    select
        *,
        cast(coalesce(extract(epoch from seen_until - seen_from), 0) as numeric(12, 3)) as window_s
    from {{ ref('int_work_units_timed') }}
    where
        work_center_code is not null
        and {{ in_dates('date', days_before=1) }}

)

select
    site_code,
    work_center_code,
    date,
    shift_code,
    {{ sums_of_work_units() }}
from windowed
group by site_code, work_center_code, date, shift_code
