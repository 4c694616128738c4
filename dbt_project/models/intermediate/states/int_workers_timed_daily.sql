{{ config(materialized='ephemeral', tags=['daily']) }}

with pieces as (

    select
        states.site_code,
        states.subject_code as worker_code,
        parts.date,
        states.state,
        greatest(states.started_at, parts.started_at) as started_at,
        least(states.ended_at, parts.ended_at) as ended_at
    from {{ ref('int_states_resolved') }} as states
    inner join {{ ref('int_hours_localized') }} as parts
        on
            states.site_code = parts.site_code
            and states.hour = parts.hour
            and states.started_at < parts.ended_at
            and states.ended_at > parts.started_at
    where
        states.subject_kind = 'worker'
        and {{ around_dates('states.hour') }}

),

timed as (

    select
        site_code,
        worker_code,
        date,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'working'), 0) as working_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'idle'), 0) as idle_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'absent'), 0) as absent_s,
        extract(epoch from max(ended_at) - min(started_at)) as elapsed_s
    from pieces
    group by site_code, worker_code, date

)

select * from timed
