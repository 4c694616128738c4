{{
    config(
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['equipment_code', 'metric', 'hour']}],
    )
}}

-- Sums of floats depend on the order of their terms: by event time, any order of arrival gives the same bits.
with rolled_up as (

    select
        signal_id,
        date_trunc('hour', event_time, 'UTC') as hour,
        count(*) as reading_count,
        count(*) filter (where is_good) as good_count,
        avg(value order by event_time) filter (where is_good) as avg_value,
        min(value) filter (where is_good) as min_value,
        max(value) filter (where is_good) as max_value,
        stddev_samp(value order by event_time) filter (where is_good) as stddev_value
    from {{ ref('stg_raw__readings') }}
    where {{ in_hours('event_time') }}
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
    cast(round(100.0 * rolled_up.good_count / rolled_up.reading_count, 4) as numeric(7, 4)) as good_pct
from rolled_up
inner join {{ ref('stg_raw__signals') }} as signals on rolled_up.signal_id = signals.signal_id
