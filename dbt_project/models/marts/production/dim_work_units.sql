{{ config(tags=['reference']) }}

select
    site_code,
    code as work_unit_code,
    payload ->> 'name' as name,
    payload ->> 'work_center_code' as work_center_code,
    cast(payload ->> 'target_units_per_h' as numeric(18, 6)) as target_units_per_h
from {{ ref('int_registry_entries_versioned') }}
where entity = 'work_units' and is_current
