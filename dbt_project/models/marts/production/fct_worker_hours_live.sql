{{ config(materialized='view', tags=['hourly']) }}
{%- set columns = [
    'site_code', 'worker_code', 'hour', 'working_s', 'idle_s', 'absent_s', 'unknown_s', 'units_produced', 'elapsed_s'
] %}

with unsettled as materialized (

    select * from {{ ref('int_hours_unsettled') }}

),

bounded as (
    {{ states_bounded(ref('stg_raw__events'), unsettled_hours()) }}
),

resolved as (
    {{ states_resolved('bounded', unsettled_hours()) }}
),

computed as (
    {{ worker_hours(ref('stg_raw__events'), 'resolved', unsettled_hours()) }}
)

{{ settled_and_computed(ref('fct_worker_hours'), columns) }}
