{{ config(materialized='ephemeral', tags=['daily']) }}

with hours as (

    select distinct
        site_code,
        hour
    from {{ ref('int_states_resolved') }}
    where {{ around_dates('hour') }}

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

localized as (

    select
        stepped.site_code,
        stepped.hour,
        cast(parts.started_at at time zone stepped.time_zone as date) as date,
        parts.started_at,
        parts.started_at + stepped.step as ended_at
    from stepped
    cross join lateral generate_series(stepped.hour, stepped.hour + interval '59 minutes', stepped.step)
        as parts (started_at)

)

select * from localized
where {{ in_dates('date') }}
