{{ config(materialized='ephemeral', tags=['daily']) }}

with units as (

    select * from {{ ref('int_units_localized') }}

),

united as (

    select
        site_code,
        date,
        cast(null as text) as shift_code,
        work_unit_code,
        worker_code,
        event_time,
        units_produced
    from units
    union all
    select
        units.site_code,
        shifts.date,
        shifts.shift_code,
        units.work_unit_code,
        units.worker_code,
        units.event_time,
        units.units_produced
    from units
    -- A shift reaches into the next date at most.
    cross join (values (0), (1)) as offsets (days)
    inner join {{ ref('dim_shift_calendar') }} as shifts
        on
            units.site_code = shifts.site_code
            and units.date - offsets.days = shifts.date
            and units.event_time >= shifts.starts_at
            and units.event_time < shifts.ends_at

)

select * from united
where {{ in_dates('date', days_before=1) }}
