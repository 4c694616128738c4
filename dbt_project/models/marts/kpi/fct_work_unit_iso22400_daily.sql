{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

with periods as (

    select * from {{ ref('int_periods_planned') }}
    where {{ in_dates('date') }}

),

measured as (

    select * from {{ ref('int_work_units_measured') }}
    where {{ in_dates('date') }}

),

dates as (

    select
        site_code,
        date,
        min(starts_at) filter (where grain = 'date') as starts_at,
        sum(extract(epoch from ends_at - starts_at)) filter (where grain = 'planned') as planned_s
    from periods
    group by site_code, date

),

whole as (

    select * from measured
    where grain = 'date'

),

-- All figures are of planned busy time; where nothing is planned at the site, of the whole date.
inside as (

    select * from measured
    where grain = 'planned'
    union all
    select whole.* from whole
    inner join dates on whole.site_code = dates.site_code and whole.date = dates.date
    where dates.planned_s is null

),

combined as (

    select
        whole.site_code,
        whole.work_unit_code,
        whole.date,
        dates.planned_s,
        coalesce(inside.working_s, 0) as working_s,
        coalesce(inside.idle_s, 0) as idle_s,
        coalesce(inside.down_s, 0) as down_s,
        coalesce(inside.execution_s, 0) as execution_s,
        coalesce(inside.produced_quantity, 0) as produced_quantity,
        coalesce(inside.scrap_quantity, 0) as scrap_quantity,
        whole.working_s - coalesce(inside.working_s, 0) as unplanned_working_s,
        whole.produced_quantity - coalesce(inside.produced_quantity, 0) as unplanned_produced_quantity,
        whole.scrap_quantity - coalesce(inside.scrap_quantity, 0) as unplanned_scrap_quantity,
        work_units.payload ->> 'work_center_code' as work_center_code,
        cast(work_units.payload ->> 'target_units_per_h' as numeric(18, 6)) as target_units_per_h
    from whole
    inner join dates on whole.site_code = dates.site_code and whole.date = dates.date
    left join inside
        on
            whole.site_code = inside.site_code
            and whole.work_unit_code = inside.work_unit_code
            and whole.date = inside.date
    -- As it was registered when the date began: changing it today leaves yesterday as it was.
    left join {{ ref('int_registry_entries_versioned') }} as work_units
        on
            work_units.entity = 'work_units'
            and whole.site_code = work_units.site_code
            and whole.work_unit_code = work_units.code
            and dates.starts_at >= work_units.valid_from
            and dates.starts_at < work_units.valid_to

)

select
    site_code,
    work_unit_code,
    work_center_code,
    date,
    {{ iso22400_columns() }},
    cast(unplanned_working_s as numeric(9, 3)) as unplanned_production_time_s,
    cast(unplanned_produced_quantity as bigint) as unplanned_produced_quantity,
    cast(unplanned_scrap_quantity as bigint) as unplanned_scrap_quantity
from combined
