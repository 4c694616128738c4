{{
    config(
        materialized='incremental',
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['hour', 'site_code', 'work_unit_code', 'started_at'], 'unique': true}],
    )
}}

with states as (

    select
        hour,
        site_code,
        work_unit_code,
        started_at,
        ended_at,
        case when is_working then 'working' else 'idle' end as state
    from {{ ref('int_work_units_occupied') }}
    where {{ in_hours('hour') }}
    union all
    select
        hour,
        site_code,
        work_unit_code,
        started_at,
        ended_at,
        state
    from {{ ref('int_states_resolved') }}
    where
        subject_kind = 'work_unit'
        and state = 'down'
        and {{ in_hours('hour') }}

),

cuts as (

    select
        hour,
        site_code,
        work_unit_code,
        started_at as cut_at
    from states
    union
    select
        hour,
        site_code,
        work_unit_code,
        ended_at as cut_at
    from states

),

slices as (

    select
        *,
        lead(cut_at) over (partition by hour, site_code, work_unit_code order by cut_at) as next_cut_at
    from cuts

),

resolved as (

    select
        slices.hour,
        slices.site_code,
        slices.work_unit_code,
        -- A failure holds whoever works on beside it.
        case
            when bool_or(states.state = 'down') then 'down'
            when bool_or(states.state = 'working') then 'working'
            else 'idle'
        end as state,
        slices.cut_at as started_at,
        slices.next_cut_at as ended_at
    from slices
    inner join states
        on
            slices.hour = states.hour
            and slices.site_code = states.site_code
            and slices.work_unit_code = states.work_unit_code
            and slices.cut_at >= states.started_at
            and slices.next_cut_at <= states.ended_at
    group by slices.hour, slices.site_code, slices.work_unit_code, slices.cut_at, slices.next_cut_at

)

select * from resolved
