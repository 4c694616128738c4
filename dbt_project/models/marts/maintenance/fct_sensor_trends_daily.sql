{{
    config(
        tags=['daily'],
        meta={'range_column': 'date', 'days_after': 30, 'made_of': 'dates'},
        indexes=[{'columns': ['equipment_code', 'metric', 'date']}],
    )
}}

{%- set least_trend_days = 3 %}
{%- set least_baseline_days = 7 %}

-- A date has a say in the baselines of the 30 after it, hence days_after. Decimals, so that windows that begin
-- elsewhere come to the same bits, and a baseline of equal values has no deviation at all. Products, not powers: a
-- power of decimals is rounded.
with days as (

    select
        *,
        {{ as_decimal('avg_value') }} as value,
        date - date '2000-01-01' as day
    from {{ ref('fct_sensor_readings_daily') }}
    where
        good_count > 0
        and {{ in_dates('date', days_before=30, days_after=30) }}

),

windowed as (

    select
        *,
        sum(good_count * value) over week / sum(good_count) over week as value_7d,
        count(*) over week as day_count_7d,
        count(*) over week * sum(day * value) over week - sum(day) over week * sum(value) over week as covariation,
        count(*) over week * sum(day * day) over week - sum(day) over week * sum(day) over week as variation,
        count(*) over baseline as baseline_day_count,
        sum(value) over baseline as baseline_sum,
        sum(value * value) over baseline as baseline_square_sum
    from days
    window
        week as (
            partition by signal_id
            order by date
            range between interval '6 days' preceding and current row
        ),
        baseline as (
            partition by signal_id
            order by date
            range between interval '30 days' preceding and interval '1 day' preceding
        )

),

compared as (

    select
        *,
        case when day_count_7d >= {{ least_trend_days }} then covariation / variation end as slope,
        case
            when baseline_day_count >= {{ least_baseline_days }} then baseline_sum / baseline_day_count
        end as baseline_avg,
        case
            when baseline_day_count >= {{ least_baseline_days }}
                then sqrt(
                    (baseline_day_count * baseline_square_sum - baseline_sum * baseline_sum)
                    / (baseline_day_count * (baseline_day_count - 1))
                )
        end as baseline_stddev
    from windowed

)

select
    site_code,
    equipment_code,
    metric,
    unit_code,
    signal_id,
    date,
    avg_value,
    cast(value_7d as double precision) as avg_value_7d,
    day_count_7d,
    cast(slope as double precision) as slope_per_day,
    baseline_day_count,
    cast(baseline_avg as double precision) as baseline_avg_value,
    cast(baseline_stddev as double precision) as baseline_stddev_value,
    {{ z_score('value - baseline_avg', 'baseline_stddev') }} as z_score
from compared
where {{ in_dates('date', days_after=30) }}
