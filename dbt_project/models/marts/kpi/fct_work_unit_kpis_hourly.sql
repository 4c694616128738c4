{{ config(materialized='view', tags=['hourly']) }}

select
    site_code,
    work_unit_code,
    hour,
    {{ work_unit_kpis() }}
from {{ ref('fct_work_unit_hours') }}
