{{ config(materialized='view', tags=['reference']) }}

-- A plain join, so that conditions on equipment and event_time reach the readings' primary key.
select
    signals.site_code,
    signals.equipment_code,
    equipment.equipment_class,
    signals.metric,
    readings.event_time,
    readings.value,
    readings.received_at,
    readings.recorded_at
from {{ ref('stg_raw__readings') }} as readings
inner join {{ ref('stg_raw__signals') }} as signals on readings.signal_id = signals.signal_id
left join {{ ref('dim_equipment') }} as equipment
    on
        signals.site_code = equipment.site_code
        and signals.equipment_code = equipment.equipment_code
where
    readings.is_good
    and {{ is_free('signals.site_code', "date_trunc('hour', readings.event_time, 'UTC')") }}
    -- What came after its hour was judged waits to be judged with it. Of an hour that nobody has judged yet all counts.
    and not exists (
        select 1 from {{ unjudged_hours() }} as unjudged
        where
            unjudged.site_code = signals.site_code
            and unjudged.hour = date_trunc('hour', readings.event_time, 'UTC')
            and unjudged.judged_at > '-infinity'
            and unjudged.judged_at < readings.recorded_at
    )
