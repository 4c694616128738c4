{{ config(tags=['reference']) }}

select
    site_code,
    work_center_code,
    name,
    area_code,
    registered_at,
    changed_at
from {{ ref('dim_work_centers_history') }}
where is_current
