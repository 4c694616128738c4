{{
    config(
        materialized='incremental',
        tags=['daily'],
        meta={'range_column': 'date', 'days_before': 1},
        indexes=[{'columns': ['date', 'site_code']}],
    )
}}

-- A shift of the evening before reaches into a date: it is built along, days_before.
with pieces as (

    -- The time window: as long as anybody was seen at the work unit, or seen missing from it.
    select
        states.site_code,
        states.work_unit_code,
        states.hour,
        parts.date,
        parts.shift_code,
        greatest(states.started_at, parts.started_at) as seen_from,
        least(states.ended_at, parts.ended_at) as seen_until,
        0 as occupied_s,
        0 as units_produced
    from {{ ref('int_states_resolved') }} as states
    inner join {{ ref('int_hours_in_periods') }} as parts
        on
            states.site_code = parts.site_code
            and states.hour = parts.hour
            and states.started_at < parts.ended_at
            and states.ended_at > parts.started_at
    where
        states.work_unit_code is not null
        and states.state in ('working', 'idle', 'absent')
        and {{ around_dates('states.hour', days_before=1, days_after=1) }}
    union all
    select
        states.site_code,
        states.work_unit_code,
        states.hour,
        parts.date,
        parts.shift_code,
        null as seen_from,
        null as seen_until,
        extract(epoch from least(states.ended_at, parts.ended_at) - greatest(states.started_at, parts.started_at))
            as occupied_s,
        0 as units_produced
    from {{ ref('int_work_units_occupied') }} as states
    inner join {{ ref('int_hours_in_periods') }} as parts
        on
            states.site_code = parts.site_code
            and states.hour = parts.hour
            and states.started_at < parts.ended_at
            and states.ended_at > parts.started_at
    where {{ around_dates('states.hour', days_before=1, days_after=1) }}
    union all
    select
        site_code,
        work_unit_code,
        date_trunc('hour', event_time, 'UTC') as hour,
        date,
        shift_code,
        null as seen_from,
        null as seen_until,
        0 as occupied_s,
        units_produced
    from {{ ref('int_units_in_periods') }}
    where work_unit_code is not null

),

hourly as (

    select
        site_code,
        work_unit_code,
        date,
        shift_code,
        hour,
        min(seen_from) as seen_from,
        max(seen_until) as seen_until,
        sum(occupied_s) as occupied_s,
        sum(units_produced) as units_produced
    from pieces
    group by site_code, work_unit_code, date, shift_code, hour

),

versions as materialized (

    select
        site_code,
        code as work_unit_code,
        payload ->> 'work_center_code' as work_center_code,
        cast(payload ->> 'target_units_per_h' as numeric(18, 6)) as target_units_per_h,
        valid_from,
        valid_to
    from {{ ref('int_registry_entries_versioned') }}
    where entity = 'work_units'

),

-- A work unit that moves to another line does so at the full hour after: an hour counts for the line of its start.
timed as (

    select
        hourly.site_code,
        hourly.work_unit_code,
        lines.work_center_code,
        hourly.date,
        hourly.shift_code,
        min(hourly.seen_from) as seen_from,
        max(hourly.seen_until) as seen_until,
        sum(hourly.occupied_s) as occupied_s,
        sum(hourly.units_produced) as units_produced
    from hourly
    left join versions as lines
        on
            hourly.site_code = lines.site_code
            and hourly.work_unit_code = lines.work_unit_code
            and hourly.hour >= lines.valid_from
            and hourly.hour < lines.valid_to
    group by
        hourly.site_code, hourly.work_unit_code, lines.work_center_code, hourly.date, hourly.shift_code

),

begun as (

    select
        timed.*,
        coalesce(shifts.starts_at, cast(timed.date as timestamp) at time zone coalesce(sites.time_zone, 'UTC'))
            as begun_at
    from timed
    left join {{ ref('dim_sites') }} as sites on timed.site_code = sites.site_code
    left join {{ ref('dim_shift_calendar') }} as shifts
        on
            timed.site_code = shifts.site_code
            and timed.date = shifts.date
            and timed.shift_code = shifts.shift_code

)

select
    begun.site_code,
    begun.work_unit_code,
    begun.work_center_code,
    begun.date,
    begun.shift_code,
    begun.seen_from,
    begun.seen_until,
    cast(begun.occupied_s as numeric(12, 3)) as occupied_s,
    cast(begun.units_produced as bigint) as units_produced,
    targets.target_units_per_h
from begun
left join versions as targets
    on
        begun.site_code = targets.site_code
        and begun.work_unit_code = targets.work_unit_code
        and begun.begun_at >= targets.valid_from
        and begun.begun_at < targets.valid_to
