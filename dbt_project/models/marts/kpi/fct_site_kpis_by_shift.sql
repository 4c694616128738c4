{{ config(tags=['daily'], meta={'range_column': 'date', 'days_before': 1}) }}

-- A shift of the evening before reaches into a date: it is built along, days_before.
select
    site_code,
    date,
    shift_code,
    {{ site_kpis() }}
from {{ ref('int_sites_timed') }}
where
    shift_code is not null
    and {{ in_dates('date', days_before=1) }}
