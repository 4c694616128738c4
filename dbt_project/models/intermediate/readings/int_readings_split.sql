{{
    config(
        materialized='incremental',
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['hour', 'signal_id', 'date'], 'unique': true}],
    )
}}

-- A rollup cannot be split afterwards, and its raw readings are dropped long before it: hence the parts are kept.
with cut_hours as (

    select
        rollups.site_code,
        rollups.signal_id,
        rollups.hour,
        sites.time_zone
    from {{ ref('fct_sensor_readings_hourly') }} as rollups
    inner join {{ ref('dim_sites') }} as sites on rollups.site_code = sites.site_code
    where
        cast(rollups.hour at time zone sites.time_zone as date)
        < cast((rollups.hour + interval '59 minutes') at time zone sites.time_zone as date)
        and {{ in_hours('rollups.hour') }}

),

parts as (

    select
        cut_hours.site_code,
        cut_hours.signal_id,
        cut_hours.hour,
        cast(readings.event_time at time zone cut_hours.time_zone as date) as date,
        {{ reading_figures() }}
    from cut_hours
    inner join {{ ref('stg_raw__readings') }} as readings
        on
            cut_hours.signal_id = readings.signal_id
            and cut_hours.hour <= readings.event_time
            and cut_hours.hour + interval '1 hour' > readings.event_time
    where {{ in_hours('readings.event_time') }}
    group by
        cut_hours.site_code,
        cut_hours.signal_id,
        cut_hours.hour,
        cast(readings.event_time at time zone cut_hours.time_zone as date)

)

select
    site_code,
    signal_id,
    hour,
    date,
    reading_count,
    good_count,
    avg_value,
    min_value,
    max_value,
    stddev_value,
    good_values[1] as first_value,
    good_values[array_upper(good_values, 1)] as last_value
from parts
