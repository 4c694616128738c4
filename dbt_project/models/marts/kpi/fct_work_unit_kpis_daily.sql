{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

select
    site_code,
    work_unit_code,
    date,
    {{ work_unit_kpis() }}
from {{ ref('int_work_units_windowed') }}
where
    shift_code is null
    and {{ in_dates('date') }}
