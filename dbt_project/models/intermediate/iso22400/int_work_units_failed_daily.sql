{{
    config(
        materialized='incremental',
        tags=['daily'],
        meta={'range_column': 'date', 'days_after': 1},
        indexes=[{'columns': ['date', 'site_code', 'work_unit_code'], 'unique': true}],
    )
}}

-- Whether the first failure of a date began on it, the end of the date before says: it is built along, days_after.
with dates as (

    select
        site_code,
        date,
        {{ start_of_date('date', 'time_zone') }} as starts_at,
        {{ start_of_date('(date + 1)', 'time_zone') }} as ends_at
    from {{ ref('int_dates_observed') }}
    where {{ in_dates('date', days_after=1) }}

),

-- From an hour before the earliest local midnight on: enough to see whether a failure was there before it.
states as (

    select * from {{ ref('int_work_units_resolved') }}
    where {{ around_dates('hour', days_after=1) }}

),

adjoined as (

    select
        *,
        lag(ended_at) over (partition by site_code, work_unit_code, state order by started_at) as previous_ended_at
    from states

),

-- A failure lasts as long as one piece ends where the next begins: over hours, midnights and whoever comes or goes.
pieces as (

    select
        *,
        case when state = 'down' and coalesce(previous_ended_at < started_at, true) then started_at end as failed_at
    from adjoined

),

followed as (

    select
        *,
        max(failed_at) over (
            partition by site_code, work_unit_code
            order by started_at
            rows between unbounded preceding and current row
        ) as last_failed_at
    from pieces

),

dated as (

    select
        followed.site_code,
        followed.work_unit_code,
        dates.date,
        followed.state,
        -- A failure belongs to the date on which it begins.
        case when followed.failed_at >= dates.starts_at then followed.failed_at end as failed_at,
        followed.last_failed_at >= dates.starts_at as is_after_failure,
        extract(epoch from least(followed.ended_at, dates.ends_at) - greatest(followed.started_at, dates.starts_at))
            as duration_s
    from followed
    inner join dates
        on
            followed.site_code = dates.site_code
            and followed.started_at < dates.ends_at
            and followed.ended_at > dates.starts_at

),

summed as (

    select
        site_code,
        work_unit_code,
        date,
        count(failed_at) as failure_count,
        coalesce(sum(duration_s) filter (where state = 'working'), 0) as operating_s,
        coalesce(sum(duration_s) filter (where state = 'down'), 0) as down_s,
        -- Of failures that began on an earlier date.
        coalesce(sum(duration_s) filter (where state = 'down' and is_after_failure is not true), 0)
            as carried_over_down_s
    from dated
    group by site_code, work_unit_code, date

),

-- What was worked after the last failure of the date began.
last_failures as (

    select
        site_code,
        work_unit_code,
        date,
        max(failed_at) as failed_at
    from dated
    group by site_code, work_unit_code, date

),

afterwards as (

    select
        last_failures.site_code,
        last_failures.work_unit_code,
        last_failures.date,
        sum(
            extract(
                epoch from least(states.ended_at, dates.ends_at) - greatest(states.started_at, dates.starts_at)
            )
        ) as operating_s
    from last_failures
    inner join dates on last_failures.site_code = dates.site_code and last_failures.date = dates.date
    inner join states
        on
            last_failures.site_code = states.site_code
            and last_failures.work_unit_code = states.work_unit_code
            and last_failures.failed_at < states.started_at
            and dates.ends_at > states.started_at
    where states.state = 'working'
    group by last_failures.site_code, last_failures.work_unit_code, last_failures.date

)

select
    summed.site_code,
    summed.work_unit_code,
    summed.date,
    summed.failure_count,
    cast(summed.operating_s as numeric(9, 3)) as operating_s,
    cast(coalesce(afterwards.operating_s, 0) as numeric(9, 3)) as operating_after_failure_s,
    cast(summed.down_s as numeric(9, 3)) as down_s,
    cast(summed.carried_over_down_s as numeric(9, 3)) as carried_over_down_s
from summed
left join afterwards
    on
        summed.site_code = afterwards.site_code
        and summed.work_unit_code = afterwards.work_unit_code
        and summed.date = afterwards.date
