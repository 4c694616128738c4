{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

-- Loading an alarm's change touches every hour that is computed from it (warehouse/load_alarms.py).
with alarms as (

    select
        *,
        date_trunc('hour', raised_at, 'UTC') as hour
    from {{ ref('fct_alarms') }}
    where {{ in_hours('raised_at') }}

),

-- Hours without an alarm count as well, where the site was seen at all.
hours as (

    select
        site_code,
        hour
    from {{ ref('fct_sensor_readings_hourly') }}
    where {{ in_hours('hour') }}
    union
    select
        site_code,
        date_trunc('hour', event_time, 'UTC') as hour
    from {{ judged('stg_raw__events') }} as events
    where {{ in_hours('event_time') }}
    union
    select
        site_code,
        hour
    from alarms

),

slots as (

    select
        site_code,
        hour,
        count(*) as raised_count
    from alarms
    group by site_code, hour, date_bin('10 minutes', raised_at, timestamptz '2000-01-01T00:00:00Z')

),

crowded as (

    select
        site_code,
        hour,
        max(raised_count) as max_raised_per_10min,
        10 * count(*) filter (where raised_count >= {{ var('alarm_flood_count') }}) as flood_min
    from slots
    group by site_code, hour

),

raised as (

    select
        site_code,
        hour,
        count(*) as raised_count,
        count(*) filter (where severity = 'critical') as critical_count,
        count(*) filter (where severity = 'high') as high_count,
        count(*) filter (where severity = 'medium') as medium_count,
        count(*) filter (where severity = 'low') as low_count,
        count(*) filter (where is_chattering) as chattering_count
    from alarms
    group by site_code, hour

),

-- Those that stood for a day or stand still: few, whatever the history, and found by an index of their own. Their ends
-- are an aggregate each, because PostgreSQL takes them for many and would read all alarms for a join.
lasting as (

    select
        began.site_code,
        began.changed_at + interval '{{ var("standing_after_s") }} seconds' as standing_from,
        coalesce(
            (
                select min(cleared.changed_at)
                from {{ ref('stg_raw__alarm_changes') }} as cleared
                where
                    cleared.site_code = began.site_code
                    and cleared.alarm_id = began.alarm_id
                    and cleared.transition = 'cleared'
            ),
            'infinity'
        ) as standing_until
    from {{ ref('stg_raw__alarm_changes') }} as began
    where
        began.transition = 'raised'
        and not began.is_brief
        {% if built_hours() is not none %}
            and began.changed_at < {{ built_hours()[1] }} - interval '{{ var("standing_after_s") }} seconds'
        {% endif %}

),

standing as (

    select
        hours.site_code,
        hours.hour,
        count(*) as standing_count
    from hours
    inner join lasting
        on
            hours.site_code = lasting.site_code
            and hours.hour >= lasting.standing_from
            and hours.hour < lasting.standing_until
    group by hours.site_code, hours.hour

)

select
    hours.site_code,
    hours.hour,
    coalesce(raised.raised_count, 0) as raised_count,
    coalesce(raised.critical_count, 0) as critical_count,
    coalesce(raised.high_count, 0) as high_count,
    coalesce(raised.medium_count, 0) as medium_count,
    coalesce(raised.low_count, 0) as low_count,
    coalesce(crowded.max_raised_per_10min, 0) as max_raised_per_10min,
    coalesce(crowded.flood_min, 0) as flood_min,
    coalesce(raised.chattering_count, 0) as chattering_count,
    coalesce(standing.standing_count, 0) as standing_count
from hours
left join raised on hours.site_code = raised.site_code and hours.hour = raised.hour
left join crowded on hours.site_code = crowded.site_code and hours.hour = crowded.hour
left join standing on hours.site_code = standing.site_code and hours.hour = standing.hour
