{#
  Data quality from the ingest ledger, by whatever the batches are grouped: flags of each batch, sums, and rates of sums.

  Two kinds of batches tell nothing of how well a source sends now: the backlog of one that was cut off (C48), and items
  let out of quarantine, which were counted when they first came.
#}
{% macro quality_flags() -%}
    {#- These reasons say that an item contradicts the registry, malformed_item that it lacks something; all others,
        that one of its values is not to be believed. -#}
    {%- set inconsistent = ['unknown_equipment', 'unknown_work_unit', 'unknown_worker', 'unit_mismatch'] -%}
    origin = 'push' as is_push,
    origin = 'push' and not is_replay as is_live,
    coalesce(cast(quarantine_reasons ->> 'malformed_item' as bigint), 0) as incomplete_count,
    {% for reason in inconsistent -%}
        coalesce(cast(quarantine_reasons ->> '{{ reason }}' as bigint), 0){{ '' if loop.last else ' + ' }}
    {%- endfor %} as inconsistent_count
{%- endmacro %}


{% macro quality_sums() -%}
    count(*) as batch_count,
    sum(item_count) as item_count,
    sum(accepted_count) as accepted_count,
    sum(quarantined_count) as quarantined_count,
    sum(inserted_count) as inserted_count,
    sum(duplicate_count) as duplicate_count,
    sum(revised_count) as revised_count,
    sum(late_count) as late_count,
    sum(item_count) filter (where is_push) as pushed_count,
    sum(quarantined_count) filter (where is_push) as refused_count,
    sum(incomplete_count) filter (where is_push) as incomplete_count,
    sum(inconsistent_count) filter (where is_push) as inconsistent_count,
    sum(item_count) filter (where is_live) as live_count,
    sum(duplicate_count) filter (where is_live) as live_duplicate_count,
    sum(device_timed_count) filter (where is_live) as live_timed_count,
    sum(late_count) filter (where is_live) as live_late_count
{%- endmacro %}


{# The thresholds are judged by counts, not by rounded rates: the threshold itself fails (C48). #}
{% macro quality_rates() -%}
    {%- set rates = {
        'invalid_pct': ['refused_count', 'pushed_count'],
        'duplicate_pct': ['live_duplicate_count', 'live_count'],
        'late_pct': ['live_late_count', 'live_timed_count'],
    } -%}
    {%- set dimensions = {
        'completeness_pct': ['incomplete_count', 'pushed_count'],
        'validity_pct': ['(refused_count - incomplete_count - inconsistent_count)', 'pushed_count'],
        'timeliness_pct': ['live_late_count', 'live_timed_count'],
        'uniqueness_pct': ['live_duplicate_count', 'live_count'],
        'consistency_pct': ['inconsistent_count', 'pushed_count'],
    } -%}
    {%- for name, (part, whole) in rates.items() %}
    cast(round(100.0 * {{ part }} / nullif({{ whole }}, 0), 4) as numeric(7, 4)) as {{ name }},
    {%- endfor %}
    {%- for name, (part, whole) in dimensions.items() %}
    cast(100 - round(100.0 * {{ part }} / nullif({{ whole }}, 0), 4) as numeric(7, 4)) as {{ name }},
    {%- endfor %}
    10 * refused_count < nullif(pushed_count, 0) as is_invalid_rate_met,
    20 * live_duplicate_count < nullif(live_count, 0) as is_duplicate_rate_met,
    20 * live_late_count <= nullif(live_timed_count, 0) as is_lateness_met
{%- endmacro %}
