{{ config(tags=['daily'], meta={'range_column': 'date', 'days_before': 1}) }}

-- A shift of the evening before reaches into a date: it is built along, days_before.
select
    site_code,
    worker_code,
    date,
    shift_code,
    {{ worker_kpis() }}
from {{ ref('int_workers_timed') }}
where
    worker_code is not null
    and shift_code is not null
    and {{ in_dates('date', days_before=1) }}
