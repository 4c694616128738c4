{{ config(materialized='view', tags=['hourly']) }}
{%- set columns = [
    'site_code', 'work_unit_code', 'hour', 'occupied_s', 'working_s', 'idle_s', 'units_produced', 'target_units_per_h',
    'window_s', 'work_center_code'
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

occupied as (
    {{ work_units_occupied('resolved', unsettled_hours()) }}
),

computed as (
    {{ work_unit_hours(ref('stg_raw__events'), 'resolved', 'occupied', unsettled_hours()) }}
)

{{ settled_and_computed(ref('fct_work_unit_hours'), columns) }}
