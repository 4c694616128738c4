{{
    config(
        tags=['daily'],
        meta={'range_column': 'date'},
        indexes=[{'columns': ['date']}],
    )
}}

-- Decimals, whose sums do not depend on the order of their terms.
with edge_classifier as (

    select
        'edge_classifier' as stream,
        site_code,
        coalesce(work_unit_code, source_code) as subject_code,
        cast(null as text) as equipment_class,
        cast(null as integer) as model_version,
        date_trunc('hour', event_time, 'UTC') as hour,
        cast(confidence as numeric) as confidence,
        cast(null as boolean) as is_anomaly
    from {{ judged('stg_raw__events') }} as events
    where
        confidence is not null
        and {{ around_dates('event_time') }}

),

scores as (

    select
        scores.site_code,
        scores.equipment_code,
        scores.model_name,
        scores.model_version,
        date_trunc('hour', scores.event_time, 'UTC') as hour,
        scores.confidence,
        scores.is_anomaly,
        promotions.promotion_id,
        max(promotions.promotion_id) over (
            partition by scores.site_code, scores.equipment_code, date_trunc('hour', scores.event_time, 'UTC')
        ) as newest_promotion_id
    from {{ ref('stg_ml__scores') }} as scores
    inner join {{ ref('int_models_promoted') }} as promotions
        on
            scores.model_name = promotions.model_name
            and scores.model_version = promotions.model_version
    where {{ around_dates('scores.event_time') }}

),

champion as (

    select
        'champion' as stream,
        site_code,
        equipment_code as subject_code,
        substring(model_name from '^anomaly-(.*)$') as equipment_class,
        model_version,
        hour,
        cast(confidence as numeric) as confidence,
        is_anomaly
    from scores
    where promotion_id = newest_promotion_id

),

streams as (

    select * from edge_classifier
    union all
    select * from champion

),

averaged as (

    select
        streams.stream,
        streams.site_code,
        streams.subject_code,
        streams.equipment_class,
        streams.model_version,
        streams.hour,
        cast(streams.hour at time zone coalesce(sites.time_zone, 'UTC') as date) as date,
        round(avg(streams.confidence), 6) as avg_confidence,
        round(min(streams.confidence), 6) as min_confidence,
        round(sum(streams.confidence), 9) as confidence_sum,
        count(*) as sample_count,
        case when streams.stream = 'champion' then count(*) filter (where streams.is_anomaly) end as anomalous_count
    from streams
    left join {{ ref('dim_sites') }} as sites on streams.site_code = sites.site_code
    group by
        streams.stream,
        streams.site_code,
        streams.subject_code,
        streams.equipment_class,
        streams.model_version,
        streams.hour,
        sites.time_zone

)

select
    stream,
    site_code,
    subject_code,
    equipment_class,
    model_version,
    hour,
    date,
    cast(avg_confidence as numeric(7, 6)) as avg_confidence,
    cast(min_confidence as numeric(7, 6)) as min_confidence,
    cast(confidence_sum as numeric(24, 9)) as confidence_sum,
    sample_count,
    {{ confidence_band('avg_confidence') }} as band,
    anomalous_count
from averaged
where {{ in_dates('date') }}
