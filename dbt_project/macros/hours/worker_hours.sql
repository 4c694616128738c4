{# What the workers did in the hours, from what the subjects were doing. #}
{% macro worker_hours(events, states, hours) %}

with timed as (

    select
        site_code,
        subject_code as worker_code,
        hour,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'working'), 0) as working_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'idle'), 0) as idle_s,
        coalesce(sum(extract(epoch from ended_at - started_at)) filter (where state = 'absent'), 0) as absent_s,
        extract(epoch from max(ended_at) - min(started_at)) as elapsed_s
    from {{ states }}
    where
        subject_kind = 'worker'
        and {{ between_hours('hour', hours) }}
    group by site_code, subject_code, hour

),

counted as (

    select
        site_code,
        worker_code,
        date_trunc('hour', event_time, 'UTC') as hour,
        sum(units_produced) as units_produced
    from {{ events }} as events
    where
        is_certain
        and worker_code is not null
        and units_produced > 0
        and {{ between_hours('event_time', hours) }}
    group by site_code, worker_code, date_trunc('hour', event_time, 'UTC')

)

select
    site_code,
    worker_code,
    hour,
    cast(coalesce(timed.working_s, 0) as numeric(9, 3)) as working_s,
    cast(coalesce(timed.idle_s, 0) as numeric(9, 3)) as idle_s,
    cast(coalesce(timed.absent_s, 0) as numeric(9, 3)) as absent_s,
    cast(3600 - coalesce(timed.working_s + timed.idle_s + timed.absent_s, 0) as numeric(9, 3)) as unknown_s,
    cast(coalesce(counted.units_produced, 0) as bigint) as units_produced,
    cast(coalesce(timed.elapsed_s, 0) as numeric(9, 3)) as elapsed_s
from timed
full join counted using (site_code, worker_code, hour)

{% endmacro %}
