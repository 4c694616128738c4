{# State `events` as intervals (C12), as far as they reach into the hours. #}
{% macro states_bounded(events, hours) %}

with states as (

    select
        *,
        -- Whoever told it, a failure is the work unit's: what its workers do goes on beside it.
        worker_code is not null and event_type <> 'down' as is_of_worker
    from {{ events }} as told
    where
        is_state
        and is_certain
        and {{ between_hours('event_time', hours, reach_back_s=var('max_state_duration_s')) }}

),

events as (

    select
        *,
        -- Whole milliseconds, as durations have them: their sums are exact.
        date_trunc('milliseconds', event_time) as started_at,
        -- A bare least() would give a state without a duration the whole day.
        case when duration_s is not null then least(duration_s, {{ var('max_state_duration_s') }}) end
        * interval '1 second' as lasts,
        -- Who is in the state; where nobody in particular was seen, the work unit.
        case when is_of_worker then 'worker' else 'work_unit' end as subject_kind,
        case when is_of_worker then worker_code else work_unit_code end as subject_code
    from states

),

-- What can reach into the built hours, and what can end it.
reaching as (

    select * from events
    where
        subject_code is not null
        {% if hours is not none %}
            and (
                event_time >= {{ hours[0] }} - interval '{{ var('max_state_gap_s') }} seconds'
                or started_at + lasts > {{ hours[0] }}
            )
        {% endif %}

),

followed as (

    select
        *,
        first_value(started_at) over (
            partition by site_code, subject_kind, subject_code
            order by started_at
            groups between 1 following and 1 following
        ) as next_started_at
    from reaching

),

bounded as (

    select
        site_code,
        subject_kind,
        subject_code,
        work_unit_code,
        source_code,
        event_type as state,
        confidence,
        event_time,
        started_at,
        case
            when lasts is not null then started_at + lasts
            else least(next_started_at, started_at + interval '{{ var('max_state_gap_s') }} seconds')
        end as ended_at
    from followed

)

select * from bounded
where ended_at > started_at

{% endmacro %}
