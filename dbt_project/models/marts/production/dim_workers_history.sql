{{ config(tags=['reference']) }}

select
    site_code,
    code as worker_code,
    version_number,
    payload ->> 'department' as department,
    payload ->> 'shift_code' as shift_code,
    cast(payload ->> 'active_since' as timestamptz) as active_since,
    registered_at,
    changed_at,
    -- Open ends are NULL: not every BI tool can read infinity.
    nullif(valid_from, '-infinity') as valid_from,
    nullif(valid_to, 'infinity') as valid_to,
    is_current
from {{ ref('int_registry_entries_versioned') }}
where entity = 'workers'
