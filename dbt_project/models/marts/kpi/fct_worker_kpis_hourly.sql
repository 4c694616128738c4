{{ config(materialized='view', tags=['hourly']) }}

select
    site_code,
    worker_code,
    hour,
    {{ worker_kpis() }}
from {{ ref('fct_worker_hours') }}
