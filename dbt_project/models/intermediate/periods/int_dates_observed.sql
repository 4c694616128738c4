{{ config(materialized='ephemeral', tags=['daily']) }}

with hours as (

    select
        site_code,
        hour
    from {{ ref('int_states_resolved') }}
    where {{ around_dates('hour', days_before=1, days_after=1) }}
    union
    select
        site_code,
        date_trunc('hour', event_time, 'UTC') as hour
    from {{ judged('stg_raw__events') }} as events
    where {{ around_dates('event_time', days_before=1, days_after=1) }}
    union
    select
        site_code,
        hour
    from {{ ref('fct_sensor_readings_hourly') }}
    where {{ around_dates('hour', days_before=1, days_after=1) }}

),

-- An hour with a local midnight in it belongs to both dates.
dated as (

    select distinct
        hours.site_code,
        coalesce(sites.time_zone, 'UTC') as time_zone,
        cast((hours.hour + instants.since) at time zone coalesce(sites.time_zone, 'UTC') as date) as date
    from hours
    left join {{ ref('dim_sites') }} as sites on hours.site_code = sites.site_code
    cross join (values (interval '0 minutes'), (interval '59 minutes')) as instants (since)

)

select * from dated
where {{ in_dates('date', days_before=1, days_after=1) }}
