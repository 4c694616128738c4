{# What each subject was doing in the hours, free of overlaps, from the states as intervals. #}
{% macro states_resolved(bounded, hours) %}

-- One hour at a time, so that an hour's answer depends on nothing but what reaches into it, and the work is linear.
with pieces as (

    select
        bounded.*,
        hours.hour,
        greatest(bounded.started_at, hours.hour) as piece_started_at,
        least(bounded.ended_at, hours.hour + interval '1 hour') as piece_ended_at
    from {{ bounded }} as bounded
    cross join
        lateral generate_series(
            date_trunc('hour', bounded.started_at, 'UTC'),
            bounded.ended_at - interval '1 microsecond',
            interval '1 hour'
        ) as hours (hour)
    where {{ between_hours('hours.hour', hours) }}

),

cuts as (

    select
        site_code,
        subject_kind,
        subject_code,
        hour,
        piece_started_at as cut_at
    from pieces
    union
    select
        site_code,
        subject_kind,
        subject_code,
        hour,
        piece_ended_at as cut_at
    from pieces

),

slices as (

    select
        *,
        lead(cut_at) over (partition by site_code, subject_kind, subject_code, hour order by cut_at) as next_cut_at
    from cuts

),

resolved as (

    select distinct on (slices.hour, slices.site_code, slices.subject_kind, slices.subject_code, slices.cut_at)
        slices.hour,
        slices.site_code,
        slices.subject_kind,
        slices.subject_code,
        pieces.work_unit_code,
        pieces.state,
        slices.cut_at as started_at,
        slices.next_cut_at as ended_at
    from slices
    inner join pieces
        on
            slices.site_code = pieces.site_code
            and slices.subject_kind = pieces.subject_kind
            and slices.subject_code = pieces.subject_code
            and slices.hour = pieces.hour
            and slices.cut_at >= pieces.piece_started_at
            and slices.next_cut_at <= pieces.piece_ended_at
    order by
        slices.hour asc,
        slices.site_code asc,
        slices.subject_kind asc,
        slices.subject_code asc,
        slices.cut_at asc,
        -- The overlap rule. What was seen last is believed; of what was seen at once, the surest.
        pieces.event_time desc,
        pieces.confidence desc nulls first,
        pieces.state = 'down' desc,
        pieces.state desc,
        pieces.source_code asc,
        pieces.work_unit_code asc nulls last

)

select * from resolved

{% endmacro %}
