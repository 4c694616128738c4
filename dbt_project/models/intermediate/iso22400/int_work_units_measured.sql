{{ config(materialized='ephemeral', tags=['daily']) }}

-- A date more on either side of the built ones: a shift belongs to the date on which it starts.
with periods as (

    select * from {{ ref('int_periods_planned') }}

),

states as (

    select * from {{ ref('int_work_units_resolved') }}
    where {{ around_dates('hour', days_before=1, days_after=1) }}

),

counts as (

    select
        site_code,
        work_unit_code,
        event_time,
        units_produced,
        units_scrapped
    from {{ judged('stg_raw__events') }} as events
    where
        is_certain
        and work_unit_code is not null
        and (units_produced > 0 or units_scrapped > 0)
        and {{ around_dates('event_time', days_before=1, days_after=1) }}

),

pieces as (

    select
        periods.site_code,
        periods.date,
        periods.grain,
        periods.shift_code,
        states.work_unit_code,
        states.state,
        greatest(states.started_at, periods.starts_at) as started_at,
        least(states.ended_at, periods.ends_at) as ended_at
    from states
    inner join periods
        on
            states.site_code = periods.site_code
            and states.started_at < periods.ends_at
            and states.ended_at > periods.starts_at

),

timed as (

    select
        site_code,
        work_unit_code,
        date,
        grain,
        shift_code,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'working'), 0) as working_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'idle'), 0) as idle_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'down'), 0) as down_s,
        extract(epoch from max(ended_at) - min(started_at)) as execution_s
    from pieces
    group by site_code, work_unit_code, date, grain, shift_code

),

counted as (

    select
        periods.site_code,
        counts.work_unit_code,
        periods.date,
        periods.grain,
        periods.shift_code,
        coalesce(sum(counts.units_produced), 0) as produced_quantity,
        coalesce(sum(counts.units_scrapped), 0) as scrap_quantity
    from counts
    inner join periods
        on
            counts.site_code = periods.site_code
            and counts.event_time >= periods.starts_at
            and counts.event_time < periods.ends_at
    group by periods.site_code, counts.work_unit_code, periods.date, periods.grain, periods.shift_code

),

measured as (

    select
        coalesce(timed.site_code, counted.site_code) as site_code,
        coalesce(timed.work_unit_code, counted.work_unit_code) as work_unit_code,
        coalesce(timed.date, counted.date) as date,
        coalesce(timed.grain, counted.grain) as grain,
        coalesce(timed.shift_code, counted.shift_code) as shift_code,
        coalesce(timed.working_s, 0) as working_s,
        coalesce(timed.idle_s, 0) as idle_s,
        coalesce(timed.down_s, 0) as down_s,
        coalesce(timed.execution_s, 0) as execution_s,
        coalesce(counted.produced_quantity, 0) as produced_quantity,
        coalesce(counted.scrap_quantity, 0) as scrap_quantity
    from timed
    full join counted
        on
            timed.site_code = counted.site_code
            and timed.work_unit_code = counted.work_unit_code
            and timed.date = counted.date
            and timed.grain = counted.grain
            and coalesce(timed.shift_code, '') = coalesce(counted.shift_code, '')

)

select * from measured
