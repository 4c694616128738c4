{{ config(tags=['daily'], meta={'range_column': 'date', 'days_before': 1}) }}

-- What happens after midnight is the shift's of the date before, which is built along: days_before.
with shifts as (

    select
        site_code,
        date,
        shift_code,
        starts_at,
        ends_at
    from {{ ref('int_periods_planned') }}
    where
        grain = 'shift'
        and {{ in_dates('date', days_before=1) }}

),

combined as (

    select
        measured.site_code,
        measured.work_unit_code,
        measured.date,
        measured.shift_code,
        shifts.starts_at,
        extract(epoch from shifts.ends_at - shifts.starts_at) as planned_s,
        measured.working_s,
        measured.idle_s,
        measured.down_s,
        measured.execution_s,
        measured.produced_quantity,
        measured.scrap_quantity,
        cast(work_units.payload ->> 'target_units_per_h' as numeric(18, 6)) as target_units_per_h
    from {{ ref('int_work_units_measured') }} as measured
    inner join shifts
        on
            measured.site_code = shifts.site_code
            and measured.date = shifts.date
            and measured.shift_code = shifts.shift_code
    -- The target in force when the shift began.
    left join {{ ref('int_registry_entries_versioned') }} as work_units
        on
            work_units.entity = 'work_units'
            and measured.site_code = work_units.site_code
            and measured.work_unit_code = work_units.code
            and shifts.starts_at >= work_units.valid_from
            and shifts.starts_at < work_units.valid_to
    where measured.grain = 'shift'

)

select
    site_code,
    work_unit_code,
    date,
    shift_code,
    starts_at,
    {{ iso22400_columns() }}
from combined
