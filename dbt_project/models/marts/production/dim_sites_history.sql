{{ config(tags=['reference']) }}

select
    site_code,
    version_number,
    payload ->> 'name' as name,
    payload ->> 'time_zone' as time_zone,
    registered_at,
    changed_at,
    -- Open ends are NULL: not every BI tool can read infinity.
    nullif(valid_from, '-infinity') as valid_from,
    nullif(valid_to, 'infinity') as valid_to,
    is_current
from {{ ref('int_registry_entries_versioned') }}
where entity = 'sites'
