{{ config(materialized='ephemeral', tags=['daily']) }}

-- A shift belongs to the date on which it starts and reaches into the next one, hence a date more on either side.
with hours as (

    select distinct
        site_code,
        hour
    from {{ ref('int_states_resolved') }}
    where {{ around_dates('hour', days_before=1) }}

),

zoned as (

    select
        hours.site_code,
        hours.hour,
        coalesce(sites.time_zone, 'UTC') as time_zone
    from hours
    left join {{ ref('dim_sites') }} as sites on hours.site_code = sites.site_code

),

-- Midnight is at half past or at a quarter to the hour in some zones: such an hour belongs to its dates by quarters.
stepped as (

    select
        *,
        case
            when
                cast(hour at time zone time_zone as date)
                = cast((hour + interval '59 minutes') at time zone time_zone as date)
                then interval '1 hour'
            else interval '15 minutes'
        end as step
    from zoned

),

in_dates as (

    select
        stepped.site_code,
        cast(parts.started_at at time zone stepped.time_zone as date) as date,
        cast(null as text) as shift_code,
        stepped.hour,
        parts.started_at,
        parts.started_at + stepped.step as ended_at
    from stepped
    cross join lateral generate_series(stepped.hour, stepped.hour + interval '59 minutes', stepped.step)
        as parts (started_at)

),

in_shifts as (

    select
        shifts.site_code,
        shifts.date,
        shifts.shift_code,
        hours.hour,
        greatest(shifts.starts_at, hours.hour) as started_at,
        least(shifts.ends_at, hours.hour + interval '1 hour') as ended_at
    from {{ ref('dim_shift_calendar') }} as shifts
    cross join
        lateral generate_series(
            date_trunc('hour', shifts.starts_at, 'UTC'), shifts.ends_at - interval '1 microsecond', interval '1 hour'
        ) as hours (hour)
    where
        shifts.planned_s > 0
        and {{ in_dates('shifts.date', days_before=1) }}

),

united as (

    select * from in_dates
    where {{ in_dates('date', days_before=1) }}
    union all
    select * from in_shifts

)

select * from united
