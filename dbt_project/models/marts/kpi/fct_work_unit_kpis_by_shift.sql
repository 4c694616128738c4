{{ config(tags=['daily'], meta={'range_column': 'date', 'days_before': 1}) }}

-- A shift of the evening before reaches into a date: it is built along, days_before.
select
    site_code,
    work_unit_code,
    date,
    shift_code,
    {{ work_unit_kpis() }}
from {{ ref('int_work_units_windowed') }}
where
    shift_code is not null
    and {{ in_dates('date', days_before=1) }}
