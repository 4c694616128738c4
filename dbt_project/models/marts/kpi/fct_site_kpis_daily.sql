{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

with timed as (

    select
        site_code,
        date,
        count(*) as worker_count,
        sum(working_s / elapsed_s) as utilization_sum,
        sum(working_s) as working_s
    from {{ ref('int_workers_timed_daily') }}
    group by site_code, date

),

counted as (

    select
        site_code,
        date,
        sum(units_produced) as units_produced
    from {{ ref('int_units_localized') }}
    where {{ in_dates('date') }}
    group by site_code, date

)

select
    site_code,
    date,
    coalesce(timed.worker_count, 0) as worker_count,
    cast(round(100.0 * timed.utilization_sum / timed.worker_count, 4) as numeric(7, 4)) as utilization_pct,
    cast(coalesce(counted.units_produced, 0) as bigint) as units_produced,
    cast(round(coalesce(timed.working_s, 0) / 3600.0, 6) as numeric(18, 6)) as working_h
from timed
full join counted using (site_code, date)
