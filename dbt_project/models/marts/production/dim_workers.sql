{{ config(tags=['reference']) }}

select
    site_code,
    code as worker_code,
    payload ->> 'department' as department,
    payload ->> 'shift_code' as shift_code
from {{ ref('int_registry_entries_versioned') }}
where entity = 'workers' and is_current
