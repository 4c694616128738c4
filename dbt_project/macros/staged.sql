{# How rows of raw look in staging: those of a table, or of a query in parentheses with a name. #}
{% macro staged_readings(rows) %}

select
    -- ids
    signal_id,
    batch_seq,
    load_id,

    -- numerics
    value,
    quality,

    -- booleans
    is_server_time,
    -- No instrument measures 1e100; two such values would overflow the standard deviation and stop the rollup.
    quality >= cast({{ var('min_quality') }} as real) and value between -1e100 and 1e100 as is_good,

    -- timestamps
    event_time,
    received_at,
    recorded_at
from {{ rows }}

{% endmacro %}


{% macro staged_events(rows) %}

select
    -- ids
    site_code,
    source_code,
    nullif(work_unit_code, '') as work_unit_code,
    nullif(worker_code, '') as worker_code,
    batch_seq,
    load_id,

    -- text
    event_type,

    -- numerics
    duration_s,
    -- Scrapped units are not produced ones: no KPI can add them up by mistake.
    case when event_type <> 'scrap_count' then units_produced end as units_produced,
    case when event_type = 'scrap_count' then units_produced end as units_scrapped,
    confidence,

    -- booleans
    is_server_time,
    event_type in ('working', 'idle', 'absent', 'down') as is_state,
    coalesce(confidence >= {{ var('min_confidence') }}, true) as is_certain,

    -- timestamps
    event_time,
    received_at,
    recorded_at

from {{ rows }}

{% endmacro %}
