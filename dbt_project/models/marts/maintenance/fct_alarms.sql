{{ config(materialized='view', tags=['reference']) }}

-- No CTEs, no aggregates: conditions on site, alarm and time reach the indexes of raw.alarm_changes. An alarm is
-- raised, acknowledged and cleared once at most; has_key would tell.
select
    raised.site_code,
    raised.alarm_id,
    raised.rule_code,
    raised.equipment_code,
    raised.metric,
    raised.severity,
    case
        when cleared.alarm_id is not null then 'cleared'
        when acknowledged.alarm_id is not null then 'acknowledged'
        else 'raised'
    end as state,
    raised.value,
    raised.changed_at as raised_at,
    acknowledged.changed_at as acknowledged_at,
    acknowledged.changed_by as acknowledged_by,
    cleared.changed_at as cleared_at,
    -- Two clocks may be involved, the device's and the API's: no time is less than 0.
    cast(
        extract(epoch from cleared.changed_at - least(raised.changed_at, cleared.changed_at)) as numeric(18, 6)
    ) as duration_s,
    cast(
        extract(epoch from acknowledged.changed_at - least(raised.changed_at, acknowledged.changed_at))
        as numeric(18, 6)
    ) as time_to_acknowledge_s,
    (
        select count(*) >= 3
        from {{ ref('stg_raw__alarm_changes') }} as same
        where
            same.site_code = raised.site_code
            and same.rule_code = raised.rule_code
            and same.equipment_code = raised.equipment_code
            and same.metric = raised.metric
            and same.transition = 'raised'
            and same.changed_at >= raised.changed_at - interval '1 minute'
            and same.changed_at <= raised.changed_at
    ) as is_chattering
from {{ ref('stg_raw__alarm_changes') }} as raised
left join {{ ref('stg_raw__alarm_changes') }} as acknowledged
    on
        raised.site_code = acknowledged.site_code
        and raised.alarm_id = acknowledged.alarm_id
        and acknowledged.transition = 'acknowledged'
left join {{ ref('stg_raw__alarm_changes') }} as cleared
    on
        raised.site_code = cleared.site_code
        and raised.alarm_id = cleared.alarm_id
        and cleared.transition = 'cleared'
where raised.transition = 'raised'
