{{ config(materialized='view', tags=['reference']) }}

-- No CTEs here: see stg_raw__readings.
select
    site_code,
    source_code,
    event_type,
    event_time,
    work_unit_code,
    worker_code,
    duration_s,
    units_produced,
    confidence,
    batch_seq,
    item_index,
    received_at,
    recorded_at,
    superseded_at
from (
    select
        site_code,
        source_code,
        event_type,
        event_time,
        nullif(work_unit_code, '') as work_unit_code,
        nullif(worker_code, '') as worker_code,
        duration_s,
        units_produced,
        confidence,
        batch_seq,
        item_index,
        received_at,
        recorded_at,
        cast(null as timestamptz) as superseded_at
    from {{ source('raw', 'events') }}
    union all
    select
        site_code,
        source_code,
        event_type,
        event_time,
        nullif(work_unit_code, '') as work_unit_code,
        nullif(worker_code, '') as worker_code,
        duration_s,
        units_produced,
        confidence,
        batch_seq,
        item_index,
        received_at,
        recorded_at,
        superseded_at
    from {{ source('raw', 'event_revisions') }}
) as versions
