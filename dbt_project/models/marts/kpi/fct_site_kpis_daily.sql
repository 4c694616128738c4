{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

select
    site_code,
    date,
    {{ site_kpis() }}
from {{ ref('int_sites_timed') }}
where
    shift_code is null
    and {{ in_dates('date') }}
