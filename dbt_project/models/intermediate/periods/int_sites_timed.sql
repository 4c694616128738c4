{{ config(materialized='ephemeral', tags=['daily']) }}

with workers as (

    select
        site_code,
        date,
        shift_code,
        {{ sums_of_workers() }}
    from {{ ref('int_workers_timed') }}
    where {{ in_dates('date', days_before=1) }}
    group by site_code, date, shift_code

),

work_units as (

    select
        site_code,
        date,
        shift_code,
        {{ sums_of_work_units() }}
    from {{ ref('int_work_units_windowed') }}
    group by site_code, date, shift_code

),

combined as (

    select
        coalesce(workers.site_code, work_units.site_code) as site_code,
        coalesce(workers.date, work_units.date) as date,
        coalesce(workers.shift_code, work_units.shift_code) as shift_code,
        coalesce(workers.worker_count, 0) as worker_count,
        workers.utilization_sum,
        coalesce(workers.working_s, 0) as working_s,
        -- Those of nobody in particular are among them, and those made nowhere in particular.
        coalesce(workers.units_produced, 0) as units_produced,
        coalesce(work_units.work_unit_count, 0) as work_unit_count,
        coalesce(work_units.occupied_s, 0) as occupied_s,
        coalesce(work_units.window_s, 0) as window_s,
        work_units.units_targeted,
        work_units.target_s
    from workers
    full join work_units
        on
            workers.site_code = work_units.site_code
            and workers.date = work_units.date
            and coalesce(workers.shift_code, '') = coalesce(work_units.shift_code, '')

)

select * from combined
