{{
    config(
        materialized='incremental',
        tags=['daily'],
        meta={'range_column': 'date'},
        indexes=[{'columns': ['site_code', 'equipment_code', 'hour']}, {'columns': ['date', 'site_code']}],
    )
}}

-- What is kept of raw scores: without it, a superseded anomaly would come back once they are dropped. The first build
-- takes all there are, whatever the range, also in a copy as known at a moment: the signs of failure need the whole.
with scores as (

    select
        scores.*,
        date_trunc('hour', scores.event_time, 'UTC') as hour,
        cast(
            date_trunc('hour', scores.event_time, 'UTC') at time zone coalesce(sites.time_zone, 'UTC') as date
        ) as date
    from {{ ref('stg_ml__scores') }} as scores
    left join {{ ref('dim_sites') }} as sites on scores.site_code = sites.site_code
    {% if is_incremental() %}
        where {{ around_dates('scores.event_time') }}
    {% endif %}

)

select
    site_code,
    equipment_code,
    model_name,
    model_version,
    hour,
    date,
    min(event_time) as first_judged_at,
    max(event_time) as last_judged_at,
    count(*) as window_count
from scores
{% if is_incremental() %}
    where {{ in_dates('date') }}
{% endif %}
group by site_code, equipment_code, model_name, model_version, hour, date
