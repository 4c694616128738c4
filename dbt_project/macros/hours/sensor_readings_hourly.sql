{# The `readings` of the hours. #}
{% macro sensor_readings_hourly(readings, hours) %}

with rolled_up as (

    select
        signal_id,
        date_trunc('hour', event_time, 'UTC') as hour,
        {{ reading_figures() }}
    from {{ readings }} as readings
    where {{ between_hours('event_time', hours) }}
    group by signal_id, date_trunc('hour', event_time, 'UTC')

)

select
    signals.site_code,
    signals.equipment_code,
    signals.metric,
    signals.unit_code,
    rolled_up.signal_id,
    rolled_up.hour,
    rolled_up.reading_count,
    rolled_up.good_count,
    rolled_up.avg_value,
    rolled_up.min_value,
    rolled_up.max_value,
    rolled_up.stddev_value,
    cast(round(100.0 * rolled_up.good_count / rolled_up.reading_count, 4) as numeric(7, 4)) as good_pct,
    rolled_up.good_values[1] as first_value,
    rolled_up.good_values[array_upper(rolled_up.good_values, 1)] as last_value
from rolled_up
inner join {{ ref('stg_raw__signals') }} as signals on rolled_up.signal_id = signals.signal_id

{% endmacro %}
