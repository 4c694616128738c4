{#
  Which part of a model one run builds. How that part replaces the old one is in replace_range.sql.

  The vars start_hour and end_hour (ISO 8601, whole hours, UTC) bound hourly models; start_date and end_date (site-local
  dates) bound daily ones. Both ranges are half-open. Without its vars a model builds everything.
#}

{# [start, end] for the grain 'hour' or 'date', or none. #}
{% macro built_range(grain) %}
    {%- set start = var('start_' ~ grain, none) -%}
    {%- set end = var('end_' ~ grain, none) -%}
    {%- if start is none and end is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if execute -%}
        {%- set shape = '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' -%}
        {%- if grain == 'hour' -%}
            {%- set shape = '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:00(:00([.]0+)?)?(Z|[+]00:00)$' -%}
        {%- endif -%}
        {%- for bound in [start, end] -%}
            {%- if not modules.re.match(shape, bound | string) -%}
                {{ exceptions.raise_compiler_error(
                    'start_' ~ grain ~ ' and end_' ~ grain ~ ' go together; got ' ~ start ~ ' and ' ~ end
                    ~ '. Give dates as 2026-01-31, hours as 2026-01-31T10:00:00Z.'
                ) }}
            {%- endif -%}
        {%- endfor -%}
        {%- if start | string >= end | string -%}
            {{ exceptions.raise_compiler_error('The range ' ~ start ~ ' to ' ~ end ~ ' is empty.') }}
        {%- endif -%}
        {%- if flags.FULL_REFRESH -%}
            {{ exceptions.raise_compiler_error(
                '--full-refresh would keep nothing but ' ~ start ~ ' to ' ~ end ~ '. Leave out one of the two.'
            ) }}
        {%- endif -%}
    {%- endif -%}
    {{ return([start, end]) }}
{% endmacro %}


{# The built hours as [start, end] in SQL, half-open, or none: all there are. #}
{% macro built_hours() %}
    {%- set range = built_range('hour') -%}
    {%- if range is none -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(["cast('" ~ range[0] ~ "' as timestamptz)", "cast('" ~ range[1] ~ "' as timestamptz)"]) }}
{% endmacro %}


{# Hours, [start, end] in SQL, of a timestamp column, as a condition; `reach_back_s` seconds more before the start. #}
{% macro between_hours(column, hours, reach_back_s=0) -%}
    {%- if hours is none -%}
        true
    {%- else -%}
        ({{ column }} >= {{ hours[0] }}
        {%- if reach_back_s %} - interval '{{ reach_back_s }} seconds'{% endif %}
        and {{ column }} < {{ hours[1] }})
    {%- endif -%}
{%- endmacro %}


{# The built hours of a timestamp column, as a condition. #}
{% macro in_hours(column, reach_back_s=0) -%}
    {{ between_hours(column, built_hours(), reach_back_s) }}
{%- endmacro %}


{# The built dates of a date column, as a condition; `days_before` and `days_after` days more. #}
{% macro in_dates(column, days_before=0, days_after=0) -%}
    {%- set range = built_range('date') -%}
    {%- if range is none -%}
        true
    {%- else -%}
        ({{ column }} >= cast('{{ range[0] }}' as date) - {{ days_before }}
        and {{ column }} < cast('{{ range[1] }}' as date) + {{ days_after }})
    {%- endif -%}
{%- endmacro %}


{#
  The hours that may belong to the built dates at some site, as a condition on a timestamp column. No zone is further
  from UTC than 14 hours. It is there for the index; the exact date is compared afterwards.
#}
{% macro around_dates(column, days_before=0, days_after=0) -%}
    {%- set range = built_range('date') -%}
    {%- if range is none -%}
        true
    {%- else -%}
        ({{ column }} >= cast('{{ range[0] }}T00:00:00Z' as timestamptz) - interval '{{ days_before * 24 + 15 }} hours'
        and {{ column }} < cast('{{ range[1] }}T00:00:00Z' as timestamptz) + interval '{{ days_after * 24 + 15 }} hours')
    {%- endif -%}
{%- endmacro %}


{#
  Lets a data test look at the built range alone, so that its cost does not grow with history: `where: __built_hours__`
  for a column `hour`, `where: __built_dates__` for a column `date`.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if not where -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set where = where | replace('__built_hours__', in_hours('hour')) -%}
    {%- set where = where | replace('__built_dates__', in_dates('date')) -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as built') }}
{%- endmacro %}


{#
  Statistics of a table of which much was built: the models after it in the same run are planned by them. A sample of the
  table costs more than an hour of it does, and of an hour or a day the planner knows enough: autovacuum keeps up.
#}
{% macro analyze_much() -%}
    {%- set range = built_range('hour') -%}
    {%- set at = modules.datetime.datetime.fromisoformat -%}
    {%- if range is none or not is_incremental() or (at(range[1] | string) - at(range[0] | string)).days >= 1 -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}


{#
  The instant at which a local date begins. Where midnight comes twice, because the clocks go back at it (Azores, Havana),
  PostgreSQL takes the second one; the date begins with the first.
#}
{% macro start_of_date(date, time_zone) -%}
    case
        when
            cast(
                (cast({{ date }} as timestamp) at time zone {{ time_zone }} - interval '1 hour')
                at time zone {{ time_zone }} as date
            ) = {{ date }}
            then cast({{ date }} as timestamp) at time zone {{ time_zone }} - interval '1 hour'
        else cast({{ date }} as timestamp) at time zone {{ time_zone }}
    end
{%- endmacro %}
