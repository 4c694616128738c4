{{
    config(
        materialized='incremental',
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['site_code', 'work_unit_code', 'event_time'], 'unique': true}, {'columns': ['hour']}],
    )
}}

-- What is kept of raw events: without it, nothing would speak against a saving once they are dropped. The first build
-- takes all there are, whatever the range: an event may stand for weeks, and its end looks at all of them.
select distinct
    site_code,
    work_unit_code,
    date_trunc('hour', event_time, 'UTC') as hour,
    event_time
from {{ judged('stg_raw__events') }} as events
where
    event_type = 'down'
    and is_certain
    and work_unit_code is not null
    {% if is_incremental() %}
        and {{ in_hours('event_time') }}
    {% endif %}
