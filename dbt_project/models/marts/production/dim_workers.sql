{{ config(tags=['reference']) }}

select
    site_code,
    worker_code,
    department,
    shift_code,
    active_since,
    registered_at,
    changed_at
from {{ ref('dim_workers_history') }}
where is_current
