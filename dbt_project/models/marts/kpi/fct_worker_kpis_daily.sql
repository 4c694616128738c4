{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

select
    site_code,
    worker_code,
    date,
    {{ worker_kpis() }}
from {{ ref('int_workers_timed') }}
where
    worker_code is not null
    and shift_code is null
    and {{ in_dates('date') }}
