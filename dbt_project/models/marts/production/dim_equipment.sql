{{ config(tags=['reference']) }}

select
    site_code,
    code as equipment_code,
    payload ->> 'name' as name,
    payload ->> 'equipment_class' as equipment_class,
    payload ->> 'work_unit_code' as work_unit_code
from {{ ref('int_registry_entries_versioned') }}
where entity = 'equipment' and is_current
