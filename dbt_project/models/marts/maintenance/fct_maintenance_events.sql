{{ config(materialized='view', tags=['daily']) }}

with signs as (

    select * from {{ ref('int_failure_signs_joined') }}

),

events as (

    select
        site_code,
        equipment_code,
        detected_at,
        nullif(max(ended_at), 'infinity') as resolved_at,
        min(acknowledged_at) as acknowledged_at,
        bool_or(source = 'anomaly') as has_anomaly,
        bool_or(source = 'alarm') as has_critical_alarm,
        count(*) filter (where source = 'anomaly') as anomaly_count,
        count(*) filter (where source = 'alarm') as critical_alarm_count,
        min(alarm_id) as alarm_id,
        -- The first critical alarm says best what is wrong; without one, the anomaly that passed its threshold most.
        (
            array_agg(
                metric
                order by source = 'alarm' desc, value / nullif(threshold, 0) desc nulls last, started_at asc, metric asc
            )
        )[1] as metric,
        max(value / nullif(threshold, 0)) as peak_score_ratio
    from signs
    group by site_code, equipment_code, detected_at

),

judged as (

    select
        events.*,
        equipment.work_unit_code,
        coalesce(classes.sensor_class, 'standard') as sensor_class,
        coalesce(classes.failure_mode, 'unspecified') as failure_mode,
        case
            when events.has_critical_alarm then 'critical'
            else coalesce(classes.anomaly_severity, 'medium')
        end as severity
    from events
    left join {{ ref('dim_equipment') }} as equipment
        on events.site_code = equipment.site_code and events.equipment_code = equipment.equipment_code
    left join {{ ref('sensor_classes') }} as classes
        on equipment.equipment_class = classes.equipment_class and events.metric = classes.metric

),

costed as (

    select
        judged.*,
        costs.base_cost,
        costs.currency_code,
        multipliers.multiplier,
        judged.resolved_at is not null as is_resolved,
        coalesce(
            judged.acknowledged_at <= judged.resolved_at
            and not exists (
                select 1
                from {{ ref('int_failures_reported') }} as failures
                where
                    failures.site_code = judged.site_code
                    and failures.work_unit_code = judged.work_unit_code
                    and failures.event_time between judged.detected_at and judged.resolved_at
            ),
            false
        ) as is_prevented
    from judged
    left join lateral (
        select
            seed.base_cost,
            seed.currency_code
        from {{ ref('maintenance_base_costs') }} as seed
        where
            seed.site_code in (judged.site_code, '*')
            and seed.sensor_class = judged.sensor_class
            and seed.failure_mode in (judged.failure_mode, '*')
            and seed.valid_from <= cast(judged.detected_at at time zone 'UTC' as date)
        order by seed.site_code = '*' asc, seed.failure_mode = '*' asc, seed.valid_from desc
        limit 1
    ) as costs on true
    left join lateral (
        select seed.multiplier
        from {{ ref('severity_multipliers') }} as seed
        where
            seed.severity = judged.severity
            and seed.valid_from <= cast(judged.detected_at at time zone 'UTC' as date)
        order by seed.valid_from desc
        limit 1
    ) as multipliers on true

)

select
    site_code,
    equipment_code,
    detected_at,
    case when has_anomaly then 'anomaly' else 'alarm' end as source,
    case when has_anomaly then 'anomaly_detected' else 'critical_alarm' end as event_type,
    severity,
    metric,
    sensor_class,
    failure_mode,
    anomaly_count,
    critical_alarm_count,
    alarm_id,
    peak_score_ratio,
    base_cost,
    multiplier as severity_multiplier,
    cast(round(base_cost * multiplier, 2) as numeric(18, 2)) as estimated_cost,
    currency_code,
    acknowledged_at,
    resolved_at,
    is_resolved,
    is_prevented
from costed
