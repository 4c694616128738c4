{{ config(tags=['reference']) }}

select
    site_code,
    payload ->> 'name' as name,
    payload ->> 'time_zone' as time_zone
from {{ ref('int_registry_entries_versioned') }}
where entity = 'sites' and is_current
