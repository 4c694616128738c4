{{ config(tags=['daily'], meta={'range_column': 'date', 'days_after': 30, 'made_of': 'dates'}) }}

-- A date is in the windows of the 29 dates after it, and has a say in the failures of the next: these are built along,
-- days_after.
with dates as (

    select * from {{ ref('int_work_units_failed_daily') }}
    where {{ in_dates('date', days_before=29, days_after=30) }}

),

windows as (

    select
        ends.date as window_date,
        dates.*,
        min(dates.date) filter (where dates.failure_count > 0) over entire as first_failed_on,
        max(dates.date) filter (where dates.failure_count > 0) over entire as last_failed_on
    from dates as ends
    inner join dates
        on
            ends.site_code = dates.site_code
            and ends.work_unit_code = dates.work_unit_code
            and dates.date between ends.date - 29 and ends.date
    where {{ in_dates('ends.date', days_after=30) }}
    window entire as (partition by ends.site_code, ends.work_unit_code, ends.date)

),

summed as (

    select
        site_code,
        work_unit_code,
        window_date,
        sum(failure_count) as failure_count,
        sum(operating_s) as operating_s,
        -- From the first failure of the window on: a repair whose failure lies before it is not counted.
        sum(
            case
                when date = first_failed_on then down_s - carried_over_down_s
                when date > first_failed_on then down_s
            end
        ) as restoration_s,
        -- Up to the last failure of the window.
        sum(
            case
                when date = last_failed_on then operating_s - operating_after_failure_s
                when date < last_failed_on then operating_s
            end
        ) as to_failure_s
    from windows
    group by site_code, work_unit_code, window_date

)

select
    site_code,
    work_unit_code,
    window_date as date,
    cast(failure_count as bigint) as failure_count,
    cast(round(operating_s / 3600.0, 6) as numeric(12, 6)) as operating_time_h,
    cast(round(coalesce(to_failure_s, 0) / 3600.0, 6) as numeric(12, 6)) as time_to_failure_h,
    cast(round(coalesce(restoration_s, 0) / 3600.0, 6) as numeric(12, 6)) as time_to_restoration_h,
    cast(round(operating_s / nullif(failure_count, 0) / 3600.0, 6) as numeric(12, 6)) as mtbf_h,
    cast(round(to_failure_s / nullif(failure_count, 0) / 3600.0, 6) as numeric(12, 6)) as mttf_h,
    cast(round(restoration_s / nullif(failure_count, 0) / 3600.0, 6) as numeric(12, 6)) as mttr_h
from summed
