{# What happened at the work units in the hours, from what the subjects were doing and when somebody was there. #}
{% macro work_unit_hours(events, states, occupied, hours) %}

with timed as (

    select
        site_code,
        work_unit_code,
        hour,
        sum(extract(epoch from ended_at - started_at)) as occupied_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where is_working), 0) as working_s
    from {{ occupied }}
    where {{ between_hours('hour', hours) }}
    group by site_code, work_unit_code, hour

),

-- The time window: as long as anybody was seen at the work unit, or seen missing from it.
windowed as (

    select
        site_code,
        work_unit_code,
        hour,
        extract(epoch from max(ended_at) - min(started_at)) as window_s
    from {{ states }}
    where
        work_unit_code is not null
        and state in ('working', 'idle', 'absent')
        and {{ between_hours('hour', hours) }}
    group by site_code, work_unit_code, hour

),

counted as (

    select
        site_code,
        work_unit_code,
        date_trunc('hour', event_time, 'UTC') as hour,
        sum(units_produced) as units_produced
    from {{ events }} as events
    where
        is_certain
        and work_unit_code is not null
        and units_produced > 0
        and {{ between_hours('event_time', hours) }}
    group by site_code, work_unit_code, date_trunc('hour', event_time, 'UTC')

),

combined as (

    select
        site_code,
        work_unit_code,
        hour,
        coalesce(timed.occupied_s, 0) as occupied_s,
        coalesce(timed.working_s, 0) as working_s,
        coalesce(windowed.window_s, 0) as window_s,
        coalesce(counted.units_produced, 0) as units_produced
    from windowed
    full join timed using (site_code, work_unit_code, hour)
    full join counted using (site_code, work_unit_code, hour)

)

select
    combined.site_code,
    combined.work_unit_code,
    combined.hour,
    cast(combined.occupied_s as numeric(9, 3)) as occupied_s,
    cast(combined.working_s as numeric(9, 3)) as working_s,
    cast(combined.occupied_s - combined.working_s as numeric(9, 3)) as idle_s,
    cast(combined.units_produced as bigint) as units_produced,
    -- Target and line in force when the hour began: changing them today leaves yesterday as it was.
    cast(versions.payload ->> 'target_units_per_h' as numeric(18, 6)) as target_units_per_h,
    cast(combined.window_s as numeric(9, 3)) as window_s,
    versions.payload ->> 'work_center_code' as work_center_code
from combined
left join {{ ref('int_registry_entries_versioned') }} as versions
    on
        versions.entity = 'work_units'
        and combined.site_code = versions.site_code
        and combined.work_unit_code = versions.code
        and combined.hour >= versions.valid_from
        and combined.hour < versions.valid_to

{% endmacro %}
