{{
    config(
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['equipment_code', 'metric', 'hour']}],
    )
}}

-- Everything is judged by the readings within the hour alone: a reading then changes no hour but its own, and hours can
-- be built in any order. What is open at the edges of the hour is measured up to them.
with spaced as (

    select
        signal_id,
        date_trunc('hour', event_time, 'UTC') as hour,
        event_time,
        is_good,
        event_time - lag(event_time) over hours as distance,
        value,
        lag(value) over hours as previous_value
    from {{ judged('stg_raw__readings') }} as readings
    where {{ in_hours('event_time') }}
    window hours as (partition by signal_id, date_trunc('hour', event_time, 'UTC') order by event_time)

),

sampled as (

    select
        signal_id,
        hour,
        count(*) as reading_count,
        count(*) filter (where not is_good) as bad_count,
        min(event_time) as first_at,
        max(event_time) as last_at,
        -- One that was really kept, not a mean of two. Two readings do not make a rhythm.
        case
            when count(*) >= 3 then percentile_disc(0.5) within group (order by distance)
        end as sampling_interval
    from spaced
    group by signal_id, hour

),

silences as (

    select
        signal_id,
        hour,
        distance as silence
    from spaced
    where distance is not null
    union all
    select
        signal_id,
        hour,
        first_at - hour as silence
    from sampled
    union all
    select
        signal_id,
        hour,
        hour + interval '1 hour' - last_at as silence
    from sampled

),

gaps as (

    select
        silences.signal_id,
        silences.hour,
        count(*) as gap_count,
        extract(epoch from sum(silences.silence)) as gap_s,
        extract(epoch from max(silences.silence)) as longest_gap_s
    from silences
    inner join sampled on silences.signal_id = sampled.signal_id and silences.hour = sampled.hour
    where silences.silence > {{ var('gap_intervals') }} * sampled.sampling_interval
    group by silences.signal_id, silences.hour

),

numbered as (

    select
        signal_id,
        hour,
        event_time,
        count(*) filter (where value is distinct from previous_value) over (
            partition by signal_id, hour
            order by event_time
        ) as run_number
    from spaced

),

runs as (

    select
        signal_id,
        hour,
        count(*) as reading_count,
        max(event_time) - min(event_time) as lasts
    from numbered
    group by signal_id, hour, run_number

),

flats as (

    select
        signal_id,
        hour,
        max(lasts) as longest_flat,
        bool_or(
            lasts >= interval '{{ var('flat_after_s') }} seconds' and reading_count >= {{ var('flat_after_readings') }}
        ) as is_flat
    from runs
    group by signal_id, hour

)

select
    signals.site_code,
    signals.equipment_code,
    signals.metric,
    sampled.signal_id,
    sampled.hour,
    sampled.reading_count,
    sampled.bad_count,
    cast(extract(epoch from sampled.sampling_interval) as numeric(10, 6)) as sampling_interval_s,
    cast(round(3600 / extract(epoch from sampled.sampling_interval)) as bigint) as expected_count,
    -- A bare least() would make 100 of an interval that is not known.
    cast(
        case
            when sampled.sampling_interval is not null then least(
                100, round(100 * sampled.reading_count * extract(epoch from sampled.sampling_interval) / 3600, 4)
            )
        end as numeric(7, 4)
    ) as completeness_pct,
    case when sampled.sampling_interval is not null then coalesce(gaps.gap_count, 0) end as gap_count,
    cast(
        case when sampled.sampling_interval is not null then coalesce(gaps.gap_s, 0) end as numeric(10, 6)
    ) as gap_s,
    cast(
        case when sampled.sampling_interval is not null then coalesce(gaps.longest_gap_s, 0) end as numeric(10, 6)
    ) as longest_gap_s,
    cast(extract(epoch from flats.longest_flat) as numeric(10, 6)) as longest_flat_s,
    flats.is_flat,
    revisions.revised_count
from sampled
inner join {{ ref('stg_raw__signals') }} as signals on sampled.signal_id = signals.signal_id
inner join flats on sampled.signal_id = flats.signal_id and sampled.hour = flats.hour
left join gaps on sampled.signal_id = gaps.signal_id and sampled.hour = gaps.hour
-- By signal and hour, for the key of the revisions begins with the signal.
cross join lateral (
    select count(*) as revised_count
    from {{ source('raw', 'reading_revisions') }} as versions
    where
        versions.signal_id = sampled.signal_id
        and versions.event_time >= sampled.hour
        and versions.event_time < sampled.hour + interval '1 hour'
) as revisions
