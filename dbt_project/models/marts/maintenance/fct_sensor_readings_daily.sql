{{
    config(
        tags=['daily'],
        meta={'range_column': 'date'},
        indexes=[{'columns': ['equipment_code', 'metric', 'date']}],
    )
}}

-- From the hourly rollups. An hour that has a local midnight in it comes in its two parts.
with zoned as (

    select
        rollups.*,
        cast(rollups.hour at time zone coalesce(sites.time_zone, 'UTC') as date) as date,
        cast((rollups.hour + interval '59 minutes') at time zone coalesce(sites.time_zone, 'UTC') as date) as last_date
    from {{ ref('fct_sensor_readings_hourly') }} as rollups
    left join {{ ref('dim_sites') }} as sites on rollups.site_code = sites.site_code
    where {{ around_dates('rollups.hour') }}

),

parts as (

    select
        signal_id,
        date,
        hour,
        reading_count,
        good_count,
        avg_value,
        min_value,
        max_value,
        stddev_value,
        first_value,
        last_value
    from zoned
    where date = last_date
    union all
    select
        signal_id,
        date,
        hour,
        reading_count,
        good_count,
        avg_value,
        min_value,
        max_value,
        stddev_value,
        first_value,
        last_value
    from {{ ref('int_readings_split') }}

),

decimals as (

    select
        *,
        {{ as_decimal('avg_value') }} as avg_decimal,
        coalesce({{ as_decimal('stddev_value') }}, 0) as stddev_decimal
    from parts
    where {{ in_dates('date') }}

),

-- Sums of the values and of their squares. Products, as a power of decimals is rounded.
summed as (

    select
        signal_id,
        date,
        sum(reading_count) as reading_count,
        sum(good_count) as good_count,
        sum(good_count * avg_decimal) as value_sum,
        sum(
            good_count * avg_decimal * avg_decimal + (good_count - 1) * stddev_decimal * stddev_decimal
        ) as square_sum,
        min(min_value) as min_value,
        max(max_value) as max_value,
        (array_agg(first_value order by hour) filter (where good_count > 0))[1] as first_value,
        (array_agg(last_value order by hour desc) filter (where good_count > 0))[1] as last_value
    from decimals
    group by signal_id, date

)

select
    signals.site_code,
    signals.equipment_code,
    signals.metric,
    signals.unit_code,
    summed.signal_id,
    summed.date,
    cast(summed.reading_count as bigint) as reading_count,
    cast(summed.good_count as bigint) as good_count,
    -- The means of hours are rounded; theirs must not be out of the range of the values.
    greatest(
        summed.min_value,
        least(summed.max_value, cast(summed.value_sum / nullif(summed.good_count, 0) as double precision))
    ) as avg_value,
    summed.min_value,
    summed.max_value,
    case
        when summed.good_count < 2 then null
        when summed.min_value = summed.max_value then 0
        else cast(
            sqrt(
                (summed.good_count * summed.square_sum - summed.value_sum * summed.value_sum)
                / (summed.good_count * (summed.good_count - 1))
            ) as double precision
        )
    end as stddev_value,
    summed.first_value,
    summed.last_value,
    cast(round(100.0 * summed.good_count / summed.reading_count, 4) as numeric(7, 4)) as good_pct
from summed
inner join {{ ref('stg_raw__signals') }} as signals on summed.signal_id = signals.signal_id
