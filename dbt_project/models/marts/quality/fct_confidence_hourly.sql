{{
    config(
        tags=['daily'],
        meta={'range_column': 'date', 'days_after': 1},
        indexes=[{'columns': ['date']}],
    )
}}

{%- set least_samples = 30 %}

-- The last hour of a date is what the first one of the next is compared with, hence days_after. Decimals, whose sums do
-- not depend on the order of their terms.
with events as (

    select
        site_code,
        work_unit_code,
        source_code,
        date_trunc('hour', event_time, 'UTC') as hour,
        cast(confidence as numeric) as confidence
    from {{ judged('stg_raw__events') }} as judged
    where
        confidence is not null
        and {{ around_dates('event_time', days_before=1, days_after=1) }}

),

-- The same events three times over: all of the site, by work unit, by camera.
edge_classifier as (

    select
        'edge_classifier' as stream,
        site_code,
        case
            when grouping(source_code) = 0 then 'source'
            when grouping(work_unit_code) = 0 then 'work_unit'
            else 'site'
        end as subject_kind,
        coalesce(source_code, work_unit_code, site_code) as subject_code,
        hour,
        min(confidence) as min_confidence,
        sum(confidence) as confidence_sum,
        count(*) as sample_count
    from events
    group by grouping sets ((site_code, hour), (site_code, hour, work_unit_code), (site_code, hour, source_code))
    having grouping(work_unit_code) = 1 or work_unit_code is not null

),

-- Which version's scores count in an hour is fct_model_health_hourly's to say.
champion as (

    select
        stream,
        site_code,
        case when grouping(subject_code) = 0 then 'equipment' else 'equipment_class' end as subject_kind,
        coalesce(subject_code, equipment_class) as subject_code,
        hour,
        min(min_confidence) as min_confidence,
        sum(confidence_sum) as confidence_sum,
        cast(sum(sample_count) as bigint) as sample_count
    from {{ ref('fct_model_health_hourly') }}
    where
        stream = 'champion'
        and {{ in_dates('date', days_before=1, days_after=1) }}
    group by grouping sets ((stream, site_code, hour, subject_code), (stream, site_code, hour, equipment_class))
    having grouping(equipment_class) = 1 or equipment_class is not null

),

subjects as (

    select * from edge_classifier
    union all
    select * from champion

),

dated as (

    select
        subjects.*,
        cast(subjects.hour at time zone coalesce(sites.time_zone, 'UTC') as date) as date,
        lag(subjects.hour) over earlier = subjects.hour - interval '1 hour' as is_followed_up,
        lag(subjects.confidence_sum) over earlier as previous_sum,
        lag(subjects.sample_count) over earlier as previous_count
    from subjects
    left join {{ ref('dim_sites') }} as sites on subjects.site_code = sites.site_code
    window earlier as (
        partition by subjects.stream, subjects.site_code, subjects.subject_kind, subjects.subject_code
        order by subjects.hour
    )

),

averaged as (

    select
        stream,
        site_code,
        subject_kind,
        subject_code,
        hour,
        date,
        min_confidence,
        confidence_sum,
        sample_count,
        confidence_sum / sample_count as confidence,
        case when is_followed_up then previous_sum end as previous_sum,
        case when is_followed_up then previous_count end as previous_count,
        case when is_followed_up then previous_sum / previous_count end as previous_confidence
    from dated
    where {{ in_dates('date', days_after=1) }}

),

rounded as (

    select
        *,
        round(confidence, 6) as avg_confidence
    from averaged

)

select
    stream,
    site_code,
    subject_kind,
    subject_code,
    hour,
    date,
    cast(avg_confidence as numeric(7, 6)) as avg_confidence,
    cast(round(min_confidence, 6) as numeric(7, 6)) as min_confidence,
    cast(round(confidence_sum, 9) as numeric(24, 9)) as confidence_sum,
    sample_count,
    {{ confidence_band('avg_confidence') }} as band,
    cast(round(previous_confidence, 6) as numeric(7, 6)) as previous_avg_confidence,
    previous_count as previous_sample_count,
    cast(round(previous_confidence - confidence, 6) as numeric(7, 6)) as confidence_fall,
    -- A rise is no fall, however large: from next to nothing it may be any number of times.
    cast(
        case
            when previous_confidence > 0
                then round(greatest(-1, (previous_confidence - confidence) / previous_confidence), 6)
        end as numeric(7, 6)
    ) as confidence_fall_ratio,
    -- By sums, not by rounded means: a tenth itself is no fall (C9).
    case
        when sample_count >= {{ least_samples }} and previous_count >= {{ least_samples }}
            then 10 * confidence_sum * previous_count < 9 * previous_sum * sample_count
    end as is_fall
from rounded
