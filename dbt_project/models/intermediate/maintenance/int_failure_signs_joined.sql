{{ config(materialized='view', tags=['daily']) }}

-- Windows are by site and equipment alone, so conditions on both reach the tables.
with promoted as (

    select
        model_name,
        model_version,
        max(promotion_id) as promotion_id
    from {{ ref('stg_ml__promotions') }}
    where is_promoted
    group by model_name, model_version

),

-- Several champions may have judged the same time, one after the other: the newest counts.
anomalies as (

    select
        anomalies.*,
        exists(
            select 1
            from {{ ref('int_hours_judged') }} as later
            where
                later.site_code = anomalies.site_code
                and later.equipment_code = anomalies.equipment_code
                and later.hour >= date_trunc('hour', anomalies.ended_at, 'UTC')
                and later.last_judged_at > anomalies.ended_at
        ) as is_over
    from {{ ref('fct_anomalies') }} as anomalies
    inner join promoted
        on anomalies.model_name = promoted.model_name and anomalies.model_version = promoted.model_version
    where
        -- An aggregate, because PostgreSQL would make a join of `not exists` and read all hours of the equipment for
        -- each anomaly; so it reads those of the anomaly by their index.
        promoted.promotion_id >= (
            select coalesce(max(judges.promotion_id), 0)
            from {{ ref('int_hours_judged') }} as hours
            inner join promoted as judges
                on hours.model_name = judges.model_name and hours.model_version = judges.model_version
            where
                hours.site_code = anomalies.site_code
                and hours.equipment_code = anomalies.equipment_code
                and hours.hour between date_trunc('hour', anomalies.started_at, 'UTC') and anomalies.ended_at
                and hours.first_judged_at <= anomalies.ended_at
                and hours.last_judged_at >= anomalies.started_at
                and hours.model_name = anomalies.model_name
        )

),

signs as (

    select
        site_code,
        equipment_code,
        'anomaly' as source,
        started_at,
        case when is_over then ended_at else 'infinity' end as ended_at,
        -- The sensor that explains most; of equals, by name.
        (
            select shares.key
            from jsonb_each_text(anomalies.sensor_shares) as shares
            order by cast(shares.value as numeric) desc, shares.key asc
            limit 1
        ) as metric,
        peak_score as value,
        threshold,
        cast(null as timestamptz) as acknowledged_at,
        cast(null as bigint) as alarm_id
    from anomalies
    union all
    select
        site_code,
        equipment_code,
        'alarm' as source,
        raised_at as started_at,
        greatest(coalesce(cleared_at, 'infinity'), raised_at) as ended_at,
        metric,
        value,
        cast(null as double precision) as threshold,
        acknowledged_at,
        alarm_id
    from {{ ref('fct_alarms') }}
    where severity = 'critical'

),

followed as (

    select
        *,
        max(ended_at) over (
            partition by site_code, equipment_code
            order by started_at
            groups between unbounded preceding and 1 preceding
        ) as ended_before
    from signs

),

marked as (

    select
        *,
        case
            when ended_before is null then started_at
            when started_at >= ended_before + interval '{{ var("event_gap_s") }} seconds' then started_at
        end as began_at
    from followed

),

joined as (

    select
        site_code,
        equipment_code,
        source,
        started_at,
        ended_at,
        metric,
        value,
        threshold,
        acknowledged_at,
        alarm_id,
        -- Signs that start at once all begin the event.
        max(began_at) over (partition by site_code, equipment_code order by started_at) as detected_at
    from marked

)

select * from joined
