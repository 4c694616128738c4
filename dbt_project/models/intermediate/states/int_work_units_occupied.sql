{{
    config(
        materialized='incremental',
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['hour', 'site_code', 'work_unit_code', 'started_at'], 'unique': true}],
    )
}}

-- A failure is nobody's presence: `down` is not among the states.
with present as (

    select *
    from {{ ref('int_states_resolved') }}
    where
        work_unit_code is not null
        and state in ('working', 'idle')
        and {{ in_hours('hour') }}

),

cuts as (

    select
        hour,
        site_code,
        work_unit_code,
        started_at as cut_at
    from present
    union
    select
        hour,
        site_code,
        work_unit_code,
        ended_at as cut_at
    from present

),

slices as (

    select
        *,
        lead(cut_at) over (partition by hour, site_code, work_unit_code order by cut_at) as next_cut_at
    from cuts

),

occupied as (

    select
        slices.hour,
        slices.site_code,
        slices.work_unit_code,
        slices.cut_at as started_at,
        slices.next_cut_at as ended_at,
        bool_or(present.state = 'working') as is_working,
        count(*) as present_count
    from slices
    inner join present
        on
            slices.hour = present.hour
            and slices.site_code = present.site_code
            and slices.work_unit_code = present.work_unit_code
            and slices.cut_at >= present.started_at
            and slices.next_cut_at <= present.ended_at
    group by slices.hour, slices.site_code, slices.work_unit_code, slices.cut_at, slices.next_cut_at

)

select * from occupied
