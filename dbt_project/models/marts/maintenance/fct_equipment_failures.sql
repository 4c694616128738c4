{{ config(materialized='view', tags=['reference']) }}

-- As int_states_bounded has it (C12): without a duration, a `down` lasts until the next state of the work unit.
with states as (

    select
        site_code,
        work_unit_code,
        event_type,
        event_time as started_at,
        case
            when duration_s is not null
                then event_time + make_interval(secs => least(duration_s, {{ var('max_state_duration_s') }}))
            else
                least(
                    event_time + make_interval(secs => {{ var('max_state_gap_s') }}),
                    lead(event_time) over (partition by site_code, work_unit_code order by event_time)
                )
        end as ended_at
    from {{ ref('stg_raw__events') }}
    where
        is_state
        and is_certain
        and work_unit_code is not null
        and (worker_code is null or event_type = 'down')

),

downs as (

    select
        *,
        max(ended_at) over (
            partition by site_code, work_unit_code
            order by started_at
            rows between unbounded preceding and 1 preceding
        ) as down_until
    from states
    where event_type = 'down'

),

numbered as (

    select
        *,
        count(*) filter (where coalesce(started_at > down_until, true)) over (
            partition by site_code, work_unit_code order by started_at
        ) as failure_number
    from downs

),

failures as (

    select
        site_code,
        work_unit_code,
        min(started_at) as failed_at,
        max(ended_at) as restored_at
    from numbered
    group by site_code, work_unit_code, failure_number

)

select
    equipment.site_code,
    equipment.equipment_code,
    failures.failed_at,
    equipment.equipment_class,
    failures.work_unit_code,
    failures.restored_at
from failures
inner join {{ ref('dim_equipment') }} as equipment
    on failures.site_code = equipment.site_code and failures.work_unit_code = equipment.work_unit_code
