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
    sensor_shares
from {{ source('ml', 'anomalies') }}
