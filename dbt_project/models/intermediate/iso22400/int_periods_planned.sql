{{ config(materialized='ephemeral', tags=['daily']) }}

-- A date more on either side of the built ones, as int_dates_observed has them: shifts by their starting date need it.
with dates as (

    select
        site_code,
        date,
        {{ start_of_date('date', 'time_zone') }} as starts_at,
        {{ start_of_date('(date + 1)', 'time_zone') }} as ends_at
    from {{ ref('int_dates_observed') }}

),

calendar as (

    select
        site_code,
        shift_code,
        date,
        starts_at,
        ends_at
    from {{ ref('dim_shift_calendar') }}
    where
        planned_s > 0
        and {{ in_dates('date', days_before=2, days_after=1) }}

),

-- What of the shifts lies in the local date, whichever date they belong to.
pieces as (

    select
        dates.site_code,
        dates.date,
        greatest(calendar.starts_at, dates.starts_at) as starts_at,
        least(calendar.ends_at, dates.ends_at) as ends_at
    from dates
    inner join calendar
        on
            dates.site_code = calendar.site_code
            and dates.starts_at < calendar.ends_at
            and dates.ends_at > calendar.starts_at

),

flagged as (

    select
        *,
        starts_at > max(ends_at) over (
            partition by site_code, date
            order by starts_at, ends_at
            rows between unbounded preceding and 1 preceding
        ) as is_apart
    from pieces

),

numbered as (

    select
        *,
        count(*) filter (where is_apart) over (partition by site_code, date order by starts_at, ends_at) as island
    from flagged

),

-- Overlapping shifts are planned time once.
merged as (

    select
        site_code,
        date,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from numbered
    group by site_code, date, island

),

periods as (

    select
        site_code,
        date,
        cast('date' as text) as grain,
        cast(null as text) as shift_code,
        starts_at,
        ends_at
    from dates
    union all
    select
        site_code,
        date,
        'planned' as grain,
        null as shift_code,
        starts_at,
        ends_at
    from merged
    union all
    select
        site_code,
        date,
        'shift' as grain,
        shift_code,
        starts_at,
        ends_at
    from calendar

)

select * from periods
