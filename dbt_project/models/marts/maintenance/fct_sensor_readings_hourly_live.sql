{{ config(materialized='view', tags=['hourly']) }}
{%- set columns = [
    'site_code', 'equipment_code', 'metric', 'unit_code', 'signal_id', 'hour', 'reading_count', 'good_count', 'avg_value',
    'min_value', 'max_value', 'stddev_value', 'good_pct', 'first_value', 'last_value'
] %}

with unsettled as materialized (

    select * from {{ ref('int_hours_unsettled') }}

),

computed as (
    {{ sensor_readings_hourly(ref('stg_raw__readings'), unsettled_hours()) }}
)

{{ settled_and_computed(ref('fct_sensor_readings_hourly'), columns) }}
