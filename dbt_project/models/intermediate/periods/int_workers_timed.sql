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

    select
        states.site_code,
        states.subject_code as worker_code,
        parts.date,
        parts.shift_code,
        states.state,
        greatest(states.started_at, parts.started_at) as started_at,
        least(states.ended_at, parts.ended_at) as ended_at,
        0 as units_produced
    from {{ ref('int_states_resolved') }} as states
    inner join {{ ref('int_hours_in_periods') }} as parts
        on
            states.site_code = parts.site_code
            and states.hour = parts.hour
            and states.started_at < parts.ended_at
            and states.ended_at > parts.started_at
    where
        states.subject_kind = 'worker'
        and {{ around_dates('states.hour', days_before=1, days_after=1) }}
    union all
    select
        site_code,
        worker_code,
        date,
        shift_code,
        null as state,
        null as started_at,
        null as ended_at,
        units_produced
    from {{ ref('int_units_in_periods') }}

),

timed as (

    select
        site_code,
        worker_code,
        date,
        shift_code,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'working'), 0) as working_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'idle'), 0) as idle_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'absent'), 0) as absent_s,
        coalesce(extract(epoch from max(ended_at) - min(started_at)), 0) as elapsed_s,
        sum(units_produced) as units_produced
    from pieces
    group by site_code, worker_code, date, shift_code

)

select
    site_code,
    worker_code,
    date,
    shift_code,
    cast(working_s as numeric(12, 3)) as working_s,
    cast(idle_s as numeric(12, 3)) as idle_s,
    cast(absent_s as numeric(12, 3)) as absent_s,
    cast(elapsed_s as numeric(12, 3)) as elapsed_s,
    cast(units_produced as bigint) as units_produced
from timed
