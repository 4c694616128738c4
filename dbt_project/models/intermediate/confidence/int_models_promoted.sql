{{ config(materialized='ephemeral', tags=['daily']) }}

select
    model_name,
    model_version,
    max(promotion_id) as promotion_id
from {{ ref('stg_ml__promotions') }}
where is_promoted
group by model_name, model_version
