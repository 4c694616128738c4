{{ config(tags=['reference']) }}

select
    site_code,
    code as work_unit_code,
    version_number,
    payload ->> 'name' as name,
    payload ->> 'work_center_code' as work_center_code,
    cast(payload ->> 'target_units_per_h' as numeric(18, 6)) as target_units_per_h,
    registered_at,
    changed_at,
    -- Open ends are NULL: not every BI tool can read infinity.
    nullif(valid_from, '-infinity') as valid_from,
    nullif(valid_to, 'infinity') as valid_to,
    is_current
from {{ ref('int_registry_entries_versioned') }}
where entity = 'work_units'
