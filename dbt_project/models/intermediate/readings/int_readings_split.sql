{{ config(materialized='ephemeral', tags=['daily']) }}

-- A rollup cannot be split afterwards: the parts are computed from raw readings, of which a date that is built has all.
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
        and {{ around_dates('rollups.hour') }}

),

-- Hour by hour: few are cut, and most sites have none.
parts as (

    select
        cut_hours.site_code,
        cut_hours.signal_id,
        cut_hours.hour,
        figures.*
    from cut_hours
    cross join lateral (
        select
            cast(readings.event_time at time zone cut_hours.time_zone as date) as date,
            {{ reading_figures() }}
        from {{ judged('stg_raw__readings') }} as readings
        where
            cut_hours.signal_id = readings.signal_id
            and cut_hours.hour <= readings.event_time
            and cut_hours.hour + interval '1 hour' > readings.event_time
        group by cast(readings.event_time at time zone cut_hours.time_zone as date)
    ) as figures

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
