{{ config(tags=['reference']) }}

select
    site_code,
    name,
    time_zone,
    registered_at,
    changed_at
from {{ ref('dim_sites_history') }}
where is_current
