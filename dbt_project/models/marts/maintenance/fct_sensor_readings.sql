{{ config(materialized='view', tags=['reference']) }}

-- No CTEs here: see stg_raw__readings.
select
    signals.site_code,
    signals.equipment_code,
    signals.metric,
    signals.unit_code,
    readings.event_time,
    readings.value,
    readings.quality,
    readings.received_at
from {{ ref('stg_raw__readings') }} as readings
inner join {{ ref('stg_raw__signals') }} as signals on readings.signal_id = signals.signal_id
where {{ is_free('signals.site_code', "date_trunc('hour', readings.event_time, 'UTC')") }}
