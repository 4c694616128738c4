{{ config(tags=['reference']) }}

select
    site_code,
    code as equipment_code,
    version_number,
    payload ->> 'name' as name,
    payload ->> 'equipment_class' as equipment_class,
    payload ->> 'work_unit_code' as work_unit_code,
    registered_at,
    changed_at,
    -- Open ends are NULL: not every BI tool can read infinity.
    nullif(valid_from, '-infinity') as valid_from,
    nullif(valid_to, 'infinity') as valid_to,
    is_current
from {{ ref('int_registry_entries_versioned') }}
where entity = 'equipment'
