{{ config(materialized='view', tags=['reference']) }}

-- As int_states_bounded has it (C12), to the millisecond: without a duration, a `down` lasts until a state of the work
-- unit that starts later.
with states as (

    select
        site_code,
        work_unit_code,
        event_type,
        date_trunc('milliseconds', event_time) as started_at,
        duration_s
    from {{ ref('stg_raw__events') }}
    where
        is_state
        and is_certain
        and work_unit_code is not null
        and (worker_code is null or event_type = 'down')
        and {{ is_free('site_code', "date_trunc('hour', event_time, 'UTC')") }}

),

followed as (

    select
        *,
        first_value(started_at) over (
            partition by site_code, work_unit_code
            order by started_at
            groups between 1 following and 1 following
        ) as next_started_at
    from states

),

bounded as (

    select
        site_code,
        work_unit_code,
        event_type,
        started_at,
        case
            when duration_s is not null
                then started_at + least(duration_s, {{ var('max_state_duration_s') }}) * interval '1 second'
            else least(next_started_at, started_at + interval '{{ var('max_state_gap_s') }} seconds')
        end as ended_at
    from followed

),

downs as (

    select
        *,
        max(ended_at) over (
            partition by site_code, work_unit_code
            order by started_at
            rows between unbounded preceding and 1 preceding
        ) as down_until
    from bounded
    where
        event_type = 'down'
        and ended_at > started_at

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
