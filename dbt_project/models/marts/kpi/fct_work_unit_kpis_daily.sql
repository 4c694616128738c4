{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

with occupied as (

    select
        states.site_code,
        states.work_unit_code,
        parts.date,
        sum(
            extract(epoch from least(states.ended_at, parts.ended_at) - greatest(states.started_at, parts.started_at))
        ) as occupied_s
    from {{ ref('int_work_units_occupied') }} as states
    inner join {{ ref('int_hours_localized') }} as parts
        on
            states.site_code = parts.site_code
            and states.hour = parts.hour
            and states.started_at < parts.ended_at
            and states.ended_at > parts.started_at
    where {{ around_dates('states.hour') }}
    group by states.site_code, states.work_unit_code, parts.date

),

-- The time window: as long as anybody was seen at the work unit, or seen missing from it.
windowed as (

    select
        states.site_code,
        states.work_unit_code,
        parts.date,
        extract(
            epoch from max(least(states.ended_at, parts.ended_at)) - min(greatest(states.started_at, parts.started_at))
        ) as window_s
    from {{ ref('int_states_resolved') }} as states
    inner join {{ ref('int_hours_localized') }} as parts
        on
            states.site_code = parts.site_code
            and states.hour = parts.hour
            and states.started_at < parts.ended_at
            and states.ended_at > parts.started_at
    where
        states.work_unit_code is not null
        -- That it failed does not say that anybody was looked for.
        and states.state is distinct from 'down'
        and {{ around_dates('states.hour') }}
    group by states.site_code, states.work_unit_code, parts.date

),

counted as (

    select
        site_code,
        work_unit_code,
        date,
        sum(units_produced) as units_produced
    from {{ ref('int_units_localized') }}
    where
        work_unit_code is not null
        and {{ in_dates('date') }}
    group by site_code, work_unit_code, date

),

combined as (

    select
        site_code,
        work_unit_code,
        date,
        coalesce(occupied.occupied_s, 0) as occupied_s,
        coalesce(windowed.window_s, 0) as window_s,
        coalesce(counted.units_produced, 0) as units_produced
    from windowed
    full join occupied using (site_code, work_unit_code, date)
    full join counted using (site_code, work_unit_code, date)

),

targeted as (

    select
        combined.*,
        -- In whole hours, units per hour times seconds stays exact.
        cast(targets.payload ->> 'target_units_per_h' as numeric(18, 6))
        * nullif(combined.window_s, 0) / 3600.0 as target_units
    from combined
    left join {{ ref('dim_sites') }} as sites on combined.site_code = sites.site_code
    left join {{ ref('int_registry_entries_versioned') }} as targets
        on
            targets.entity = 'work_units'
            and combined.site_code = targets.site_code
            and combined.work_unit_code = targets.code
            and cast(combined.date as timestamp) at time zone coalesce(sites.time_zone, 'UTC') >= targets.valid_from
            and cast(combined.date as timestamp) at time zone coalesce(sites.time_zone, 'UTC') < targets.valid_to

)

select
    site_code,
    work_unit_code,
    date,
    cast(round(occupied_s / 3600.0, 6) as numeric(12, 6)) as occupancy_h,
    cast(round(window_s / 3600.0, 6) as numeric(12, 6)) as window_h,
    cast(round(occupied_s / nullif(window_s, 0), 6) as numeric(7, 6)) as occupancy_ratio,
    cast(units_produced as bigint) as units_produced,
    cast(round(units_produced * 3600.0 / nullif(occupied_s, 0), 6) as numeric(30, 6)) as efficiency_rate,
    cast(round(target_units, 6) as numeric(30, 6)) as target_units,
    cast(round(units_produced - target_units, 6) as numeric(30, 6)) as target_variance_units,
    cast(round(100.0 * (units_produced - target_units) / nullif(target_units, 0), 4) as numeric(30, 4))
        as target_variance_pct
from targeted
