{{ config(materialized='view', tags=['reference']) }}

with answers as (

    select
        episode_id,
        model_version,
        is_promoted,
        reason,
        decided_at,
        row_number() over (partition by episode_id order by promotion_id) as number
    from {{ ref('stg_ml__promotions') }}
    where episode_id is not null

),

sensors as (

    select
        episode_id,
        count(is_drifted) as compared_count,
        count(*) filter (where is_drifted) as drifted_count,
        string_agg(metric, ', ' order by ks desc, metric asc) filter (where is_drifted) as drifted_metrics
    from {{ ref('stg_ml__drift_features') }}
    group by episode_id

)

select
    episodes.episode_id,
    episodes.stream,
    episodes.site_code,
    episodes.equipment_class,
    episodes.detected_at,
    episodes.band,
    episodes.mean_before,
    episodes.mean_after,
    episodes.sample_count,
    episodes.recovered_at,
    explanations.explanation,
    explanations.reference_kind,
    explanations.reference_started_at,
    explanations.reference_ended_at,
    coalesce(sensors.compared_count, 0) as compared_count,
    coalesce(sensors.drifted_count, 0) as drifted_count,
    sensors.drifted_metrics,
    answers.model_version as answer_version,
    answers.is_promoted as answer_is_promoted,
    answers.reason as answer_reason,
    answers.decided_at as answered_at
from {{ ref('stg_ml__drift_episodes') }} as episodes
left join {{ ref('stg_ml__drift_explanations') }} as explanations on episodes.episode_id = explanations.episode_id
left join sensors on episodes.episode_id = sensors.episode_id
left join answers on episodes.episode_id = answers.episode_id and answers.number = 1
