{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

-- A table, not a view on the hours of workers and work units: the units that nobody in particular made are in neither.
with workers as (

    select
        site_code,
        hour,
        {{ sums_of_workers() }}
    from {{ ref('fct_worker_hours') }}
    where {{ in_hours('hour') }}
    group by site_code, hour

),

work_units as (

    select
        site_code,
        hour,
        {{ sums_of_work_units() }}
    from {{ ref('fct_work_unit_hours') }}
    where {{ in_hours('hour') }}
    group by site_code, hour

),

counted as (

    select
        site_code,
        date_trunc('hour', event_time, 'UTC') as hour,
        sum(units_produced) as units_produced
    from {{ judged('stg_raw__events') }} as events
    where
        is_certain
        and units_produced > 0
        and {{ in_hours('event_time') }}
    group by site_code, date_trunc('hour', event_time, 'UTC')

),

combined as (

    select
        site_code,
        hour,
        coalesce(workers.worker_count, 0) as worker_count,
        workers.utilization_sum,
        coalesce(workers.working_s, 0) as working_s,
        coalesce(counted.units_produced, 0) as units_produced,
        coalesce(work_units.work_unit_count, 0) as work_unit_count,
        coalesce(work_units.occupied_s, 0) as occupied_s,
        coalesce(work_units.window_s, 0) as window_s,
        work_units.units_targeted,
        work_units.target_s
    from workers
    full join work_units using (site_code, hour)
    full join counted using (site_code, hour)

)

select
    site_code,
    hour,
    {{ site_kpis() }}
from combined
