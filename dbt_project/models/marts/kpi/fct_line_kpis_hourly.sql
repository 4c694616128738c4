{{ config(materialized='view', tags=['hourly']) }}

with summed as (

    select
        site_code,
        work_center_code,
        hour,
        {{ sums_of_work_units() }}
    from {{ ref('fct_work_unit_hours') }}
    where work_center_code is not null
    group by site_code, work_center_code, hour

)

select
    site_code,
    work_center_code,
    hour,
    {{ line_kpis() }}
from summed
