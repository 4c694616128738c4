{{ config(tags=['daily'], meta={'range_column': 'date', 'days_before': 1}) }}

-- A shift of the evening before reaches into a date in which something was seen: it is built along, days_before.
with days as (

    select
        observed.site_code,
        observed.time_zone,
        observed.date - offsets.days as date
    from {{ ref('int_dates_observed') }} as observed
    cross join (values (0), (1)) as offsets (days)
    -- Both yield the same date where two dates in a row were seen.
    group by observed.site_code, observed.time_zone, observed.date - offsets.days

),

shifts as (

    select
        days.site_code,
        days.time_zone,
        days.date,
        versions.code as shift_code,
        cast(versions.payload ->> 'starts_at_local' as time) as starts_at_local,
        cast(versions.payload ->> 'ends_at_local' as time) as ends_at_local
    from days
    inner join {{ ref('int_registry_entries_versioned') }} as versions
        on
            versions.entity = 'shifts'
            and days.site_code = versions.site_code
            and cast(days.date as timestamp) at time zone days.time_zone >= versions.valid_from
            and cast(days.date as timestamp) at time zone days.time_zone < versions.valid_to
    where {{ in_dates('days.date', days_before=1) }}

),

-- PostgreSQL reads a local time in the skipped hour by the offset before the change, so it comes an hour later on the
-- clock; one in the repeated hour by the offset after it, so it is the second of the two.
bounded as (

    select
        *,
        (date + starts_at_local) at time zone time_zone as starts_at,
        (date + case when ends_at_local <= starts_at_local then 1 else 0 end + ends_at_local)
        at time zone time_zone as ends_at_or_before
    from shifts

)

select
    site_code,
    shift_code,
    date,
    starts_at,
    -- A shift that starts in the skipped hour and ends within the hour after it does not take place.
    greatest(starts_at, ends_at_or_before) as ends_at,
    cast(extract(epoch from greatest(starts_at, ends_at_or_before) - starts_at) as integer) as planned_s,
    time_zone,
    ends_at_local <= starts_at_local and ends_at_local > time '00:00' as is_night
from bounded
