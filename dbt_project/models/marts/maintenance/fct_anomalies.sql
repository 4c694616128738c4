{{ config(materialized='view', tags=['reference']) }}

select
    site_code,
    equipment_code,
    model_name,
    model_version,
    started_at,
    ended_at,
    peak_score,
    threshold,
    sensor_shares,
    sensor_values,
    nearest_normal
from {{ source('ml', 'anomalies') }} as anomalies
-- Challengers that score beside the champion say nothing yet.
where
    exists (
        select 1
        from {{ ref('stg_ml__promotions') }} as promotions
        where
            promotions.is_promoted
            and promotions.model_name = anomalies.model_name
            and promotions.model_version = anomalies.model_version
    )
