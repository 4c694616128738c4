{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

-- An alarm belongs to the date on which its clock 10 minutes begin, as in fct_alarm_statistics_daily.
with alarms as (

    select
        alarms.*,
        cast(
            date_bin('10 minutes', alarms.raised_at, timestamptz '2000-01-01T00:00:00Z')
            at time zone coalesce(sites.time_zone, 'UTC') as date
        ) as date
    from {{ ref('fct_alarms') }} as alarms
    left join {{ ref('dim_sites') }} as sites on alarms.site_code = sites.site_code
    where {{ around_dates('alarms.raised_at') }}

),

counted as (

    select
        site_code,
        date,
        rule_code,
        equipment_code,
        metric,
        count(*) as raised_count,
        count(*) filter (where is_chattering) as chattering_count,
        count(acknowledged_at) as acknowledged_count
    from alarms
    where {{ in_dates('date') }}
    group by site_code, date, rule_code, equipment_code, metric

)

select
    *,
    row_number() over (
        partition by site_code, date
        order by raised_count desc, rule_code asc, equipment_code asc, metric asc
    ) as rank,
    cast(
        round(100.0 * raised_count / sum(raised_count) over (partition by site_code, date), 4) as numeric(7, 4)
    ) as share_pct
from counted
