{#
  The formulas of the KPIs (docs/kpis.md), one definition each: every level (worker, work unit, line, site) and every grain
  (hour, shift, date) takes them from here. Seconds and units come in exact; a figure is rounded once, here. NULL where
  the denominator is 0.
#}

{% macro hours_of(seconds, precision=12) -%}
    cast(round({{ seconds }} / 3600.0, 6) as numeric({{ precision }}, 6))
{%- endmacro %}

{% macro percentage_of(part, whole) -%}
    cast(round(100.0 * ({{ part }}) / nullif({{ whole }}, 0), 4) as numeric(7, 4))
{%- endmacro %}

{% macro ratio_of(part, whole) -%}
    cast(round({{ part }} / nullif({{ whole }}, 0), 6) as numeric(7, 6))
{%- endmacro %}

{# Units per hour. #}
{% macro rate_of(units, seconds) -%}
    cast(round({{ units }} * 3600.0 / nullif({{ seconds }}, 0), 6) as numeric(30, 6))
{%- endmacro %}


{# From working_s, idle_s, absent_s, elapsed_s and units_produced (S1-024..026, S3-012..016, C10). #}
{% macro worker_kpis() %}
    {{ hours_of('working_s') }} as working_h,
    {{ hours_of('idle_s') }} as idle_h,
    {{ hours_of('absent_s') }} as absent_h,
    {{ hours_of('(working_s + idle_s + absent_s)') }} as observed_h,
    {{ hours_of('elapsed_s') }} as elapsed_h,
    cast(units_produced as bigint) as units_produced,
    {{ percentage_of('working_s', 'elapsed_s') }} as utilization_elapsed_pct,
    {{ percentage_of('working_s', '(working_s + idle_s + absent_s)') }} as utilization_observed_pct,
    {{ percentage_of('elapsed_s - absent_s', 'elapsed_s') }} as presence_pct,
    {{ rate_of('units_produced', 'working_s') }} as throughput_rate
{%- endmacro %}


{# From occupied_s and window_s (S1-027). #}
{% macro occupancy_kpis() %}
    {{ hours_of('occupied_s') }} as occupancy_h,
    {{ hours_of('window_s') }} as window_h,
    {{ ratio_of('occupied_s', 'window_s') }} as occupancy_ratio
{%- endmacro %}


{#
  The target of a work unit over its time window, in units per hour times seconds, from target_units_per_h and window_s; NULL
  without a target, or where nobody was seen (S1-030).
#}
{% macro target_s() -%}
    target_units_per_h * nullif(window_s, 0)
{%- endmacro %}


{# From the units made towards the target, and the target in units per hour times seconds (S1-030). #}
{% macro target_kpis(units, target_s) %}
    cast(round({{ target_s }} / 3600.0, 6) as numeric(30, 6)) as target_units,
    cast(round({{ units }} - {{ target_s }} / 3600.0, 6) as numeric(30, 6)) as target_variance_units,
    cast(
        round(100.0 * ({{ units }} * 3600.0 - {{ target_s }}) / nullif({{ target_s }}, 0), 4) as numeric(30, 4)
    ) as target_variance_pct
{%- endmacro %}


{# From occupied_s, window_s, units_produced and target_units_per_h (S1-027, S1-028, S1-030, S3-015). #}
{% macro work_unit_kpis() %}
    {{ occupancy_kpis() }},
    cast(units_produced as bigint) as units_produced,
    {{ rate_of('units_produced', 'occupied_s') }} as efficiency_rate,
    {{ target_kpis('units_produced', target_s()) }}
{%- endmacro %}


{# What the work units of a line or a site come to, from rows of work units with the columns above. #}
{% macro sums_of_work_units() %}
    count(*) as work_unit_count,
    sum(occupied_s) as occupied_s,
    sum(window_s) as window_s,
    sum(units_produced) as units_produced,
    -- What was made without a target is not held against the targets of others.
    sum(units_produced) filter (where {{ target_s() }} is not null) as units_targeted,
    sum({{ target_s() }}) as target_s
{%- endmacro %}


{# From these sums, for a line. #}
{% macro line_kpis() %}
    cast(work_unit_count as bigint) as work_unit_count,
    {{ occupancy_kpis() }},
    cast(units_produced as bigint) as units_produced,
    {{ rate_of('units_produced', 'occupied_s') }} as efficiency_rate,
    cast(units_targeted as bigint) as units_targeted,
    {{ target_kpis('units_targeted', 'target_s') }}
{%- endmacro %}


{# What the workers of a site come to, from working_s, elapsed_s and units_produced; rows of nobody have units alone. #}
{% macro sums_of_workers() %}
    count(*) filter (where elapsed_s > 0) as worker_count,
    sum(working_s / nullif(elapsed_s, 0)) as utilization_sum,
    sum(working_s) as working_s,
    sum(units_produced) as units_produced
{%- endmacro %}


{# From the sums of a site's workers and of its work units (S1-029, S1-030, S3-012, S3-015, S3-016). #}
{% macro site_kpis() %}
    cast(worker_count as bigint) as worker_count,
    {{ percentage_of('utilization_sum', 'worker_count') }} as utilization_pct,
    cast(units_produced as bigint) as units_produced,
    {{ hours_of('working_s', precision=18) }} as working_h,
    {{ rate_of('units_produced', 'working_s') }} as throughput_rate,
    cast(work_unit_count as bigint) as work_unit_count,
    {{ occupancy_kpis() }},
    cast(units_targeted as bigint) as units_targeted,
    {{ target_kpis('units_targeted', 'target_s') }}
{%- endmacro %}
