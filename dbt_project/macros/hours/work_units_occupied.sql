{# When somebody was at a work unit in the hours, from what the subjects were doing. #}
{% macro work_units_occupied(states, hours) %}

-- A failure is nobody's presence: `down` is not among the states.
with present as (

    select *
    from {{ states }}
    where
        work_unit_code is not null
        and state in ('working', 'idle')
        and {{ between_hours('hour', hours) }}

),

-- Who comes and who goes, added up over time: one pass, where a join of the times with themselves would be slow.
changes as (

    select
        hour,
        site_code,
        work_unit_code,
        started_at as cut_at,
        1 as present_change,
        case when state = 'working' then 1 else 0 end as working_change
    from present
    union all
    select
        hour,
        site_code,
        work_unit_code,
        ended_at as cut_at,
        -1 as present_change,
        case when state = 'working' then -1 else 0 end as working_change
    from present

),

cuts as (

    select
        hour,
        site_code,
        work_unit_code,
        cut_at,
        sum(present_change) as present_change,
        sum(working_change) as working_change
    from changes
    group by hour, site_code, work_unit_code, cut_at

),

slices as (

    select
        hour,
        site_code,
        work_unit_code,
        cut_at as started_at,
        lead(cut_at) over cuts_of_the_hour as ended_at,
        sum(working_change) over cuts_of_the_hour > 0 as is_working,
        cast(sum(present_change) over cuts_of_the_hour as bigint) as present_count
    from cuts
    window cuts_of_the_hour as (partition by hour, site_code, work_unit_code order by cut_at)

)

select * from slices
where present_count > 0

{% endmacro %}
