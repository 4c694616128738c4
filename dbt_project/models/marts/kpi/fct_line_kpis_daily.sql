{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

select
    site_code,
    work_center_code,
    date,
    {{ line_kpis() }}
from {{ ref('int_lines_timed') }}
where
    shift_code is null
    and {{ in_dates('date') }}
