{{ config(tags=['reference']) }}

select
    site_code,
    equipment_code,
    name,
    equipment_class,
    work_unit_code,
    registered_at,
    changed_at
from {{ ref('dim_equipment_history') }}
where is_current
