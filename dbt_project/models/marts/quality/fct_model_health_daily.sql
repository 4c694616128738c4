{{ config(tags=['daily'], meta={'range_column': 'date', 'days_after': 6, 'made_of': 'hours'}) }}

-- A date has a say in the rolling averages of the six after it, hence days_after.
with days as (

    select
        stream,
        site_code,
        subject_code,
        date,
        sum(confidence_sum) as confidence_sum,
        sum(sample_count) as sample_count
    from {{ ref('fct_model_health_hourly') }}
    where {{ in_dates('date', days_before=6, days_after=6) }}
    group by stream, site_code, subject_code, date

),

averaged as (

    select
        stream,
        site_code,
        subject_code,
        date,
        sample_count,
        round(confidence_sum / sample_count, 6) as avg_confidence,
        round(sum(confidence_sum) over week / sum(sample_count) over week, 6) as avg_confidence_7d
    from days
    window week as (
        partition by stream, site_code, subject_code
        order by date
        range between interval '6 days' preceding and current row
    )

)

select
    stream,
    site_code,
    subject_code,
    date,
    cast(avg_confidence as numeric(7, 6)) as avg_confidence,
    cast(sample_count as bigint) as sample_count,
    cast(avg_confidence_7d as numeric(7, 6)) as avg_confidence_7d,
    {{ confidence_band('avg_confidence') }} as band
from averaged
where {{ in_dates('date', days_after=6) }}
