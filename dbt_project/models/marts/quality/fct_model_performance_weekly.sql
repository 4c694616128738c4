{{ config(materialized='view', tags=['daily']) }}

-- Which version's scores count in an hour is fct_model_health_hourly's to say; all else is counted by it.
with hours as (

    select
        site_code,
        subject_code as equipment_code,
        equipment_class,
        model_version,
        hour,
        cast(date_trunc('week', hour at time zone 'UTC') as date) as week,
        confidence_sum,
        sample_count,
        anomalous_count,
        band
    from {{ ref('fct_model_health_hourly') }}
    where stream = 'champion'

),

scored as (

    select
        equipment_class,
        model_version,
        week,
        count(distinct array[site_code, equipment_code]) as equipment_count,
        sum(sample_count) as window_count,
        sum(anomalous_count) as anomalous_window_count,
        sum(confidence_sum) / sum(sample_count) as confidence,
        count(*) filter (where band = 'critical') as critical_hours,
        count(*) filter (where band = 'warning') as warning_hours,
        count(*) filter (where band = 'healthy') as healthy_hours
    from hours
    group by equipment_class, model_version, week

),

anomalies as (

    select
        hours.equipment_class,
        hours.model_version,
        hours.week,
        count(*) as anomaly_count
    from {{ ref('fct_anomalies') }} as anomalies
    inner join hours
        on
            anomalies.site_code = hours.site_code
            and anomalies.equipment_code = hours.equipment_code
            and anomalies.model_version = hours.model_version
            and anomalies.model_name = 'anomaly-' || hours.equipment_class
            and date_trunc('hour', anomalies.started_at, 'UTC') = hours.hour
    group by hours.equipment_class, hours.model_version, hours.week

),

-- An episode belongs to the version that scored most in its last hour at its site.
episodes as (

    select
        champion.equipment_class,
        champion.model_version,
        cast(date_trunc('week', episodes.detected_at at time zone 'UTC') as date) as week,
        count(*) as drift_episode_count
    from {{ ref('fct_drift_episodes') }} as episodes
    inner join lateral (
        select
            hours.equipment_class,
            hours.model_version
        from hours
        where
            hours.site_code = episodes.site_code
            and hours.equipment_class = episodes.equipment_class
            and hours.hour = episodes.detected_at - interval '1 hour'
        group by hours.equipment_class, hours.model_version
        order by sum(hours.sample_count) desc, hours.model_version desc
        limit 1
    ) as champion on true
    where episodes.stream = 'champion'
    group by champion.equipment_class, champion.model_version, week

),

-- What calls for maintenance belongs to the version that watched the equipment in that hour, whether it saw it or not.
events as (

    select
        hours.equipment_class,
        hours.model_version,
        hours.week,
        events.source,
        events.is_prevented,
        events.estimated_cost,
        events.currency_code,
        events.source = 'anomaly' and events.is_resolved as is_judged,
        events.critical_alarm_count > 0
        or exists (
            select 1
            from {{ ref('int_failures_reported') }} as stops
            inner join {{ ref('dim_equipment') }} as equipment
                on stops.site_code = equipment.site_code and stops.work_unit_code = equipment.work_unit_code
            where
                equipment.site_code = events.site_code
                and equipment.equipment_code = events.equipment_code
                and stops.event_time between events.detected_at and events.resolved_at + interval '24 hours'
        ) as is_confirmed
    from {{ ref('fct_maintenance_events') }} as events
    inner join hours
        on
            events.site_code = hours.site_code
            and events.equipment_code = hours.equipment_code
            and date_trunc('hour', events.detected_at, 'UTC') = hours.hour

),

maintenance as (

    select
        equipment_class,
        model_version,
        week,
        count(*) as maintenance_event_count,
        count(*) filter (where is_prevented) as prevented_count,
        count(*) filter (where is_judged) as judged_event_count,
        count(*) filter (where is_judged and not is_confirmed) as unconfirmed_event_count,
        count(*) filter (where source = 'alarm') as missed_event_count,
        case when count(distinct currency_code) = 1 then min(currency_code) end as currency_code,
        case
            when count(distinct currency_code) = 1
                then coalesce(sum(estimated_cost) filter (where is_prevented), 0)
        end as estimated_savings
    from events
    group by equipment_class, model_version, week

),

decisions as (

    select
        substring(model_name from '^anomaly-(.*)$') as equipment_class,
        model_version,
        cast(date_trunc('week', decided_at at time zone 'UTC') as date) as week,
        count(*) filter (where trigger <> 'rollback') as training_count,
        count(*) filter (where is_promoted) as promotion_count,
        string_agg(
            trigger || case when is_promoted then ', promoted: ' else ', kept as challenger: ' end || reason, chr(10)
            order by promotion_id
        ) as decision_reasons
    from {{ ref('stg_ml__promotions') }}
    where model_name like 'anomaly-%'
    group by equipment_class, model_version, week

)

select
    equipment_class,
    model_version,
    week,
    to_char(week, 'IYYY-"W"IW') as iso_week,
    coalesce(scored.equipment_count, 0) as equipment_count,
    cast(coalesce(scored.window_count, 0) as bigint) as window_count,
    cast(scored.anomalous_window_count as bigint) as anomalous_window_count,
    cast(round(scored.anomalous_window_count / scored.window_count, 6) as numeric(7, 6)) as anomalous_window_ratio,
    cast(round(scored.confidence, 6) as numeric(7, 6)) as avg_confidence,
    case when scored.confidence is not null then {{ confidence_band('scored.confidence') }} end as band,
    coalesce(scored.critical_hours, 0) as critical_hours,
    coalesce(scored.warning_hours, 0) as warning_hours,
    coalesce(scored.healthy_hours, 0) as healthy_hours,
    coalesce(anomalies.anomaly_count, 0) as anomaly_count,
    coalesce(episodes.drift_episode_count, 0) as drift_episode_count,
    coalesce(maintenance.maintenance_event_count, 0) as maintenance_event_count,
    coalesce(maintenance.prevented_count, 0) as prevented_count,
    coalesce(maintenance.judged_event_count, 0) as judged_event_count,
    coalesce(maintenance.unconfirmed_event_count, 0) as unconfirmed_event_count,
    cast(
        round(
            cast(maintenance.unconfirmed_event_count as numeric) / nullif(maintenance.judged_event_count, 0), 6
        ) as numeric(7, 6)
    ) as unconfirmed_ratio,
    coalesce(maintenance.missed_event_count, 0) as missed_event_count,
    cast(maintenance.estimated_savings as numeric(18, 2)) as estimated_savings,
    maintenance.currency_code,
    coalesce(decisions.training_count, 0) as training_count,
    coalesce(decisions.promotion_count, 0) as promotion_count,
    decisions.decision_reasons
from scored
full outer join decisions using (equipment_class, model_version, week)
left join anomalies using (equipment_class, model_version, week)
left join episodes using (equipment_class, model_version, week)
left join maintenance using (equipment_class, model_version, week)
