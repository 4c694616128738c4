{{ config(tags=['reference']) }}

select
    site_code,
    work_unit_code,
    name,
    work_center_code,
    target_units_per_h,
    registered_at,
    changed_at
from {{ ref('dim_work_units_history') }}
where is_current
