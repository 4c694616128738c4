{{ config(materialized='view', tags=['reference']) }}

-- No CTEs here: see stg_raw__readings.
select
    batches.site_code,
    batches.batch_id,
    batches.batch_seq,
    batches.kind,
    batches.inserted_count,
    batches.revised_count,
    batches.duplicate_count,
    batches.late_count,
    batches.quarantined_count,
    batches.received_at,
    batches.recorded_at as loaded_at,
    batches.load_id,
    loads.dagster_run_id
from {{ source('raw', 'batches') }} as batches
inner join {{ source('raw', 'loads') }} as loads on batches.load_id = loads.load_id
