{{ config(materialized='view', tags=['daily']) }}

with shares as (

    select
        substring(anomalies.model_name from '^anomaly-(.*)$') as equipment_class,
        anomalies.model_version,
        cast(date_trunc('week', anomalies.started_at at time zone 'UTC') as date) as week,
        shares.key as metric,
        -- A decimal, whose sums do not depend on the order of their terms.
        cast(shares.value as numeric) as share,
        row_number() over (
            partition by
                anomalies.site_code,
                anomalies.equipment_code,
                anomalies.model_name,
                anomalies.model_version,
                anomalies.started_at
            order by cast(shares.value as numeric) desc, shares.key asc
        ) = 1 as is_leading
    from {{ ref('fct_anomalies') }} as anomalies
    inner join {{ ref('fct_model_health_hourly') }} as hours
        on
            anomalies.site_code = hours.site_code
            and anomalies.equipment_code = hours.subject_code
            and anomalies.model_version = hours.model_version
            and anomalies.model_name = 'anomaly-' || hours.equipment_class
            and date_trunc('hour', anomalies.started_at, 'UTC') = hours.hour
    cross join lateral jsonb_each_text(anomalies.sensor_shares) as shares
    where hours.stream = 'champion'

)

select
    equipment_class,
    model_version,
    week,
    metric,
    count(*) as anomaly_count,
    count(*) filter (where is_leading) as leading_count,
    cast(avg(share) as double precision) as avg_share
from shares
group by equipment_class, model_version, week, metric
