-- No CTEs here: what a query asks for reaches the indexes of raw.alarm_changes, as in stg_raw__readings.
select
    -- ids
    site_code,
    change_seq,
    alarm_id,
    rule_code,
    equipment_code,
    metric,

    -- text
    transition,
    severity,
    changed_by,

    -- numerics
    value,

    -- booleans
    is_brief,

    -- timestamps
    changed_at,
    recorded_at
from {{ source('raw', 'alarm_changes') }}
