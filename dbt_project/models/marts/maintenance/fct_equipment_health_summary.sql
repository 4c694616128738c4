{{ config(tags=['health']) }}

-- "Now" is the newest reading of the site, so that building again from the same data gives the same rows (S0-036).
with signals as (

    select
        signals.site_code,
        signals.equipment_code,
        count(*) as signal_count,
        max(newest.event_time) as last_reading_at
    from {{ ref('stg_raw__signals') }} as signals
    left join lateral (
        select readings.event_time
        from {{ ref('stg_raw__readings') }} as readings
        where
            readings.signal_id = signals.signal_id
            and {{ is_free('signals.site_code', "date_trunc('hour', readings.event_time, 'UTC')") }}
        order by readings.event_time desc
        limit 1
    ) as newest on true
    group by signals.site_code, signals.equipment_code

),

equipment as (

    select
        equipment.site_code,
        equipment.equipment_code,
        equipment.name,
        equipment.equipment_class,
        coalesce(signals.signal_count, 0) as signal_count,
        signals.last_reading_at,
        max(signals.last_reading_at) over (partition by equipment.site_code) as as_of
    from {{ ref('dim_equipment') }} as equipment
    left join signals
        on equipment.site_code = signals.site_code and equipment.equipment_code = signals.equipment_code

),

alarms as (

    select
        equipment.site_code,
        equipment.equipment_code,
        count(*) filter (where alarms.cleared_at is null and alarms.severity = 'critical') as open_critical_count,
        count(*) filter (where alarms.cleared_at is null and alarms.severity = 'high') as open_high_count,
        count(*) filter (where alarms.cleared_at is null and alarms.severity = 'medium') as open_medium_count,
        count(*) filter (where alarms.cleared_at is null and alarms.severity = 'low') as open_low_count,
        count(*) filter (where alarms.raised_at > equipment.as_of - interval '7 days') as alarms_7d,
        count(*) filter (where alarms.raised_at > equipment.as_of - interval '30 days') as alarms_30d
    from equipment
    inner join {{ ref('fct_alarms') }} as alarms
        on equipment.site_code = alarms.site_code and equipment.equipment_code = alarms.equipment_code
    group by equipment.site_code, equipment.equipment_code

),

anomalies as (

    select
        equipment.site_code,
        equipment.equipment_code,
        count(*) filter (where signs.started_at > equipment.as_of - interval '7 days') as anomalies_7d,
        count(*) filter (where signs.started_at > equipment.as_of - interval '30 days') as anomalies_30d
    from equipment
    inner join {{ ref('int_failure_signs_joined') }} as signs
        on equipment.site_code = signs.site_code and equipment.equipment_code = signs.equipment_code
    where signs.source = 'anomaly'
    group by equipment.site_code, equipment.equipment_code

),

promoted as (

    select
        model_name,
        model_version,
        max(promotion_id) as promotion_id
    from {{ ref('stg_ml__promotions') }}
    where is_promoted
    group by model_name, model_version

),

summed as (

    select
        equipment.*,
        newest.event_time as last_scored_at,
        newest.score as last_score,
        newest.threshold as last_threshold,
        coalesce(newest.is_anomaly, false) as is_anomalous,
        coalesce(alarms.open_critical_count, 0) as open_critical_count,
        coalesce(alarms.open_high_count, 0) as open_high_count,
        coalesce(alarms.open_medium_count, 0) as open_medium_count,
        coalesce(alarms.open_low_count, 0) as open_low_count,
        coalesce(alarms.alarms_7d, 0) as alarms_7d,
        coalesce(alarms.alarms_30d, 0) as alarms_30d,
        coalesce(anomalies.anomalies_7d, 0) as anomalies_7d,
        coalesce(anomalies.anomalies_30d, 0) as anomalies_30d,
        remaining.remaining_life_h,
        remaining.maintenance_due_date,
        cast(extract(epoch from equipment.as_of - equipment.last_reading_at) as numeric(18, 6)) as silent_s
    from equipment
    left join alarms
        on equipment.site_code = alarms.site_code and equipment.equipment_code = alarms.equipment_code
    left join anomalies
        on equipment.site_code = anomalies.site_code and equipment.equipment_code = anomalies.equipment_code
    left join {{ ref('fct_equipment_remaining_life') }} as remaining
        on equipment.site_code = remaining.site_code and equipment.equipment_code = remaining.equipment_code
    left join lateral (
        select
            scores.event_time,
            scores.score,
            scores.threshold,
            scores.is_anomaly
        from {{ ref('stg_ml__scores') }} as scores
        inner join promoted
            on scores.model_name = promoted.model_name and scores.model_version = promoted.model_version
        where scores.site_code = equipment.site_code and scores.equipment_code = equipment.equipment_code
        order by scores.event_time desc, promoted.promotion_id desc
        limit 1
    ) as newest on true

)

select
    *,
    case
        when open_critical_count > 0 then 'critical'
        when open_high_count + open_medium_count + open_low_count > 0 then 'warning'
        when is_anomalous then 'warning'
        when coalesce(silent_s > {{ var('silent_after_s') }}, true) then 'warning'
        else 'healthy'
    end as health_status
from summed
