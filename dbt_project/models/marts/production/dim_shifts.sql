{{ config(tags=['reference']) }}

select
    site_code,
    code as shift_code,
    payload ->> 'name' as name,
    cast(payload ->> 'starts_at_local' as time) as starts_at_local,
    cast(payload ->> 'ends_at_local' as time) as ends_at_local
from {{ ref('int_registry_entries_versioned') }}
where entity = 'shifts' and is_current
