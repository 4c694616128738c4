{{ config(materialized='view', tags=['reference']) }}

-- No CTEs here: see stg_raw__readings.
select
    signals.site_code,
    signals.equipment_code,
    signals.metric,
    versions.event_time,
    versions.value,
    versions.quality,
    versions.batch_seq,
    versions.item_index,
    versions.received_at,
    versions.recorded_at,
    versions.superseded_at
from (
    select
        signal_id,
        event_time,
        value,
        quality,
        batch_seq,
        item_index,
        received_at,
        recorded_at,
        cast(null as timestamptz) as superseded_at
    from {{ source('raw', 'readings') }}
    union all
    select
        signal_id,
        event_time,
        value,
        quality,
        batch_seq,
        item_index,
        received_at,
        recorded_at,
        superseded_at
    from {{ source('raw', 'reading_revisions') }}
) as versions
inner join {{ ref('stg_raw__signals') }} as signals on versions.signal_id = signals.signal_id
