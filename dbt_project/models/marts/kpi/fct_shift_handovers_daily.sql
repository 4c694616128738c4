{{ config(tags=['daily'], meta={'range_column': 'date', 'days_before': 1, 'days_after': 1}) }}

-- A handover near midnight looks at the date before or after it. These dates are built along: days_before, days_after.
with units as (

    select * from {{ ref('int_units_localized') }}

),

days as (

    select distinct
        units.site_code,
        units.time_zone,
        units.date + offsets.days as date
    from units
    cross join generate_series(-1, 1) as offsets (days)
    where {{ in_dates('units.date + offsets.days', days_before=1, days_after=1) }}

),

handovers as (

    select
        days.site_code,
        days.date,
        shifts.code as shift_code,
        (days.date + cast(shifts.payload ->> 'starts_at_local' as time)) at time zone days.time_zone as handover_at
    from days
    inner join {{ ref('int_registry_entries_versioned') }} as shifts
        on
            shifts.entity = 'shifts'
            and days.site_code = shifts.site_code
            and cast(days.date as timestamp) at time zone days.time_zone >= shifts.valid_from
            and cast(days.date as timestamp) at time zone days.time_zone < shifts.valid_to

),

counted as (

    select
        handovers.site_code,
        handovers.date,
        handovers.shift_code,
        handovers.handover_at,
        coalesce(sum(units.units_produced) filter (where units.event_time < handovers.handover_at), 0) as units_before,
        coalesce(sum(units.units_produced) filter (where units.event_time >= handovers.handover_at), 0) as units_after
    from handovers
    left join units
        on
            handovers.site_code = units.site_code
            and units.event_time >= handovers.handover_at - interval '1 hour'
            and units.event_time < handovers.handover_at + interval '15 minutes'
    group by handovers.site_code, handovers.date, handovers.shift_code, handovers.handover_at

)

select
    site_code,
    shift_code,
    date,
    handover_at,
    cast(units_before as bigint) as units_before,
    cast(units_after as bigint) as units_after,
    cast(round(100.0 * (1 - 4.0 * units_after / nullif(units_before, 0)), 4) as numeric(30, 4)) as dip_pct
from counted
where units_before + units_after > 0
