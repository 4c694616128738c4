{{ config(materialized='ephemeral', tags=['daily']) }}

with events as (

    select * from {{ judged('stg_raw__events') }} as judged
    where
        is_certain
        and units_produced > 0
        and {{ around_dates('event_time', days_before=1, days_after=1) }}

),

localized as (

    select
        events.site_code,
        events.work_unit_code,
        events.worker_code,
        events.event_time,
        coalesce(sites.time_zone, 'UTC') as time_zone,
        cast(events.event_time at time zone coalesce(sites.time_zone, 'UTC') as date) as date,
        events.units_produced
    from events
    left join {{ ref('dim_sites') }} as sites on events.site_code = sites.site_code

)

select * from localized
