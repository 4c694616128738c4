{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

with counted as (

    select
        site_code,
        worker_code,
        date,
        sum(units_produced) as units_produced
    from {{ ref('int_units_localized') }}
    where
        worker_code is not null
        and {{ in_dates('date') }}
    group by site_code, worker_code, date

),

combined as (

    select
        site_code,
        worker_code,
        date,
        coalesce(timed.working_s, 0) as working_s,
        coalesce(timed.idle_s, 0) as idle_s,
        coalesce(timed.absent_s, 0) as absent_s,
        coalesce(timed.working_s + timed.idle_s + timed.absent_s, 0) as observed_s,
        coalesce(timed.elapsed_s, 0) as elapsed_s,
        coalesce(counted.units_produced, 0) as units_produced
    from {{ ref('int_workers_timed_daily') }} as timed
    full join counted using (site_code, worker_code, date)

)

select
    site_code,
    worker_code,
    date,
    cast(round(working_s / 3600.0, 6) as numeric(12, 6)) as working_h,
    cast(round(idle_s / 3600.0, 6) as numeric(12, 6)) as idle_h,
    cast(round(absent_s / 3600.0, 6) as numeric(12, 6)) as absent_h,
    cast(round(observed_s / 3600.0, 6) as numeric(12, 6)) as observed_h,
    cast(round(elapsed_s / 3600.0, 6) as numeric(12, 6)) as elapsed_h,
    cast(units_produced as bigint) as units_produced,
    cast(round(100.0 * working_s / nullif(elapsed_s, 0), 4) as numeric(7, 4)) as utilization_elapsed_pct,
    cast(round(100.0 * working_s / nullif(observed_s, 0), 4) as numeric(7, 4)) as utilization_observed_pct,
    cast(round(100.0 * (1 - absent_s / nullif(elapsed_s, 0)), 4) as numeric(7, 4)) as presence_pct,
    cast(round(units_produced * 3600.0 / nullif(working_s, 0), 6) as numeric(30, 6)) as throughput_rate
from combined
