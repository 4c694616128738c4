{{ config(tags=['reference']) }}

select
    site_code,
    shift_code,
    name,
    starts_at_local,
    ends_at_local,
    registered_at,
    changed_at
from {{ ref('dim_shifts_history') }}
where is_current
