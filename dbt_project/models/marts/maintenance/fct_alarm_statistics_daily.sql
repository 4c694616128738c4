{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

with zones as (

    select
        hours.site_code,
        hours.hour,
        hours.standing_count,
        coalesce(sites.time_zone, 'UTC') as time_zone
    from {{ ref('fct_alarm_statistics_hourly') }} as hours
    left join {{ ref('dim_sites') }} as sites on hours.site_code = sites.site_code
    where {{ around_dates('hours.hour') }}

),

-- Clock 10 minutes belong to the date on which they begin; where midnight is at a quarter to the hour, one crosses it.
slots as (

    select
        zones.site_code,
        cast(parts.slot at time zone zones.time_zone as date) as date,
        parts.slot,
        case when parts.slot = zones.hour then zones.standing_count end as standing_count
    from zones
    cross join
        lateral generate_series(zones.hour, zones.hour + interval '50 minutes', interval '10 minutes')
            as parts (slot)
    where {{ in_dates('cast(parts.slot at time zone zones.time_zone as date)') }}

),

alarms as (

    select
        *,
        date_bin('10 minutes', raised_at, timestamptz '2000-01-01T00:00:00Z') as slot
    from {{ ref('fct_alarms') }}
    where {{ around_dates('raised_at') }}

),

counted as (

    select
        slots.site_code,
        slots.date,
        slots.slot,
        max(slots.standing_count) as standing_count,
        count(alarms.alarm_id) as raised_count,
        count(*) filter (where alarms.severity = 'critical') as critical_count,
        count(*) filter (where alarms.severity = 'high') as high_count,
        count(*) filter (where alarms.severity = 'medium') as medium_count,
        count(*) filter (where alarms.severity = 'low') as low_count,
        count(*) filter (where alarms.is_chattering) as chattering_count,
        count(alarms.acknowledged_at) as acknowledged_count,
        sum(alarms.time_to_acknowledge_s) as time_to_acknowledge_s
    from slots
    left join alarms on slots.site_code = alarms.site_code and slots.slot = alarms.slot
    group by slots.site_code, slots.date, slots.slot

),

summed as (

    select
        site_code,
        date,
        count(*) as slot_count,
        sum(raised_count) as raised_count,
        sum(critical_count) as critical_count,
        sum(high_count) as high_count,
        sum(medium_count) as medium_count,
        sum(low_count) as low_count,
        max(raised_count) as max_raised_per_10min,
        count(*) filter (where raised_count >= {{ var('alarm_flood_count') }}) as flood_slot_count,
        sum(chattering_count) as chattering_count,
        coalesce(max(standing_count), 0) as max_standing_count,
        sum(acknowledged_count) as acknowledged_count,
        sum(time_to_acknowledge_s) as time_to_acknowledge_s
    from counted
    group by site_code, date

),

-- The ten rules, on their equipment and metric, that raised most.
offenders as (

    select
        site_code,
        date,
        sum(raised_count) as raised_count
    from {{ ref('fct_alarm_sources_daily') }}
    where rank <= 10 and {{ in_dates('date') }}
    group by site_code, date

)

select
    summed.site_code,
    summed.date,
    cast(round(summed.slot_count / 6.0, 4) as numeric(9, 4)) as observed_h,
    cast(summed.raised_count as bigint) as raised_count,
    cast(summed.critical_count as bigint) as critical_count,
    cast(summed.high_count as bigint) as high_count,
    cast(summed.medium_count as bigint) as medium_count,
    cast(summed.low_count as bigint) as low_count,
    cast(round(6.0 * summed.raised_count / summed.slot_count, 6) as numeric(18, 6)) as raised_per_h,
    cast(round(1.0 * summed.raised_count / summed.slot_count, 6) as numeric(18, 6)) as raised_per_10min,
    summed.max_raised_per_10min,
    10 * summed.flood_slot_count as flood_min,
    cast(round(100.0 * summed.flood_slot_count / summed.slot_count, 4) as numeric(7, 4)) as flood_pct,
    cast(summed.chattering_count as bigint) as chattering_count,
    summed.max_standing_count,
    cast(
        round(100.0 * offenders.raised_count / nullif(summed.raised_count, 0), 4) as numeric(7, 4)
    ) as top_10_sources_pct,
    cast(summed.acknowledged_count as bigint) as acknowledged_count,
    cast(
        round(summed.time_to_acknowledge_s / nullif(summed.acknowledged_count, 0), 3) as numeric(18, 3)
    ) as avg_time_to_acknowledge_s
from summed
left join offenders on summed.site_code = offenders.site_code and summed.date = offenders.date
