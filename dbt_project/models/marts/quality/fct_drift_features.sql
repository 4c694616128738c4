{{ config(materialized='view', tags=['reference']) }}

select
    features.episode_id,
    features.metric,
    episodes.site_code,
    episodes.equipment_class,
    episodes.detected_at,
    features.is_drifted,
    features.ks,
    features.ks_p,
    features.usual_ks,
    features.psi,
    features.usual_psi,
    features.mean_before,
    features.mean_after,
    features.count_before,
    features.count_after
from {{ ref('stg_ml__drift_features') }} as features
inner join {{ ref('stg_ml__drift_episodes') }} as episodes on features.episode_id = episodes.episode_id
