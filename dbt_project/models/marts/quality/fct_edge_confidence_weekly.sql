{{ config(materialized='view', tags=['daily']) }}

with hours as (

    select
        site_code,
        cast(date_trunc('week', hour at time zone 'UTC') as date) as week,
        confidence_sum,
        sample_count,
        band,
        is_fall
    from {{ ref('fct_confidence_hourly') }}
    where stream = 'edge_classifier' and subject_kind = 'site'

),

weeks as (

    select
        site_code,
        week,
        sum(sample_count) as sample_count,
        sum(confidence_sum) / sum(sample_count) as confidence,
        count(*) filter (where band = 'critical') as critical_hours,
        count(*) filter (where band = 'warning') as warning_hours,
        count(*) filter (where band = 'healthy') as healthy_hours,
        count(*) filter (where is_fall) as fall_count
    from hours
    group by site_code, week

),

episodes as (

    select
        site_code,
        cast(date_trunc('week', detected_at at time zone 'UTC') as date) as week,
        count(*) as drift_episode_count
    from {{ ref('fct_drift_episodes') }}
    where stream = 'edge_classifier'
    group by site_code, week

)

select
    weeks.site_code,
    weeks.week,
    cast(weeks.sample_count as bigint) as sample_count,
    cast(round(weeks.confidence, 6) as numeric(7, 6)) as avg_confidence,
    {{ confidence_band('weeks.confidence') }} as band,
    weeks.critical_hours,
    weeks.warning_hours,
    weeks.healthy_hours,
    weeks.fall_count,
    coalesce(episodes.drift_episode_count, 0) as drift_episode_count
from weeks
left join episodes on weeks.site_code = episodes.site_code and weeks.week = episodes.week
