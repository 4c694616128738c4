{#
  What tables are computed of: rows as they were when they were last judged (expectations/look.py).

  A load may commit after the checks of a run and before dbt reads. What it brought, and what it replaced, is then left to
  the next run: of an hour that waits count the versions that were recorded up to the moment at which it was judged. Hours
  that do not wait are read as they are. Runs of Dagster ask for that (the var `judged_only`); by hand, dbt takes all there is.
#}
{% macro judged(name) -%}
    {%- set staged = ref(name) -%}
    {%- if not var('judged_only', false) -%}
        {{ staged }}
    {%- elif name == 'stg_raw__readings' -%}
        (
            select staged.*
            from {{ staged }} as staged
            inner join {{ raw_table('signals') }} as signals on staged.signal_id = signals.signal_id
            left join {{ unjudged_hours() }} as unjudged
                on
                    signals.site_code = unjudged.site_code
                    and unjudged.hour = date_trunc('hour', staged.event_time, 'UTC')
            where unjudged.hour is null or staged.recorded_at <= unjudged.judged_at
            union all
            select replaced.*
            from ({{ staged_readings('(' ~ replaced_readings() ~ ') as versions') }}) as replaced
        )
    {%- else -%}
        (
            select staged.*
            from {{ staged }} as staged
            left join {{ unjudged_hours() }} as unjudged
                on
                    staged.site_code = unjudged.site_code
                    and unjudged.hour = date_trunc('hour', staged.event_time, 'UTC')
            where unjudged.hour is null or staged.recorded_at <= unjudged.judged_at
            union all
            select replaced.*
            from ({{ staged_events('(' ~ replaced_events() ~ ') as versions') }}) as replaced
        )
    {%- endif -%}
{%- endmacro %}


{# Of readings that have been revised since, those that were judged. #}
{% macro replaced_readings() %}
    select versions.*
    from {{ raw_table('reading_revisions') }} as versions
    inner join {{ raw_table('signals') }} as signals on versions.signal_id = signals.signal_id
    inner join {{ unjudged_hours() }} as unjudged
        on
            signals.site_code = unjudged.site_code
            and unjudged.hour = date_trunc('hour', versions.event_time, 'UTC')
    where versions.recorded_at <= unjudged.judged_at and versions.superseded_at > unjudged.judged_at
{% endmacro %}


{# Of events that have been revised since, those that were judged. #}
{% macro replaced_events() %}
    select versions.*
    from {{ raw_table('event_revisions') }} as versions
    inner join {{ unjudged_hours() }} as unjudged
        on
            versions.site_code = unjudged.site_code
            and unjudged.hour = date_trunc('hour', versions.event_time, 'UTC')
    where versions.recorded_at <= unjudged.judged_at and versions.superseded_at > unjudged.judged_at
{% endmacro %}


{% macro raw_table(name) -%}
    raw{{ var('schema_suffix', '') }}.{{ name }}
{%- endmacro %}


{# Hours that wait, and up to when their rows were judged. #}
{% macro unjudged_hours() -%}
    ops{{ var('schema_suffix', '') }}.unjudged_hours
{%- endmacro %}
