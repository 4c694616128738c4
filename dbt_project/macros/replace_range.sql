{#
  The incremental strategy `replace_range`: empties the built range of the table and fills it with what the model
  yields, so that a row whose cause vanished vanishes too. A model names its range in `meta`:

    range_column   `hour` or `date`; left out, the whole table is replaced
    days_before    how many dates before the built ones depend on them and are built along; 0 by default
    days_after     how many dates after them; 0 by default
    made_of        `raw` rows (the default), `hours` or `dates`: what a table by date is computed from

  Rows that can no longer be computed, because raw rows near them are dropped (ops.is_frozen), stay as they are: not
  even a build of everything replaces a true figure by an emptier one. Whether a row stays, its key alone decides: where
  a new time zone gives it another date, it is replaced there or stays here, and is never lost between the two.

  So do rows of hours that a failed expectation holds back (macros/held.sql), until these are let go; then they are built
  with all that depends on them.

  Tables keep their identity, so views and grants on them survive, and readers see either the old rows or the new.
#}
{% macro get_incremental_replace_range_sql(arg_dict) %}

{%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') %}
{%- set thawed = is_thawed('part', arg_dict['dest_columns'] | map(attribute='name') | list) %}

delete from {{ arg_dict['target_relation'] }} as part where {{ in_replaced_range() }} and {{ thawed }};
{{ delete_moved_rows(arg_dict, thawed) }}
insert into {{ arg_dict['target_relation'] }} ({{ columns }})
select {{ columns }} from {{ arg_dict['temp_relation'] }} as part where {{ thawed }};

{% endmacro %}


{#
  Rows that a site's new time zone moved here from a date that is not built now. Only a table without its range column
  in the key can have them; its contract names the key. The date they come from is touched too, and loses the rest by
  itself.
#}
{% macro delete_moved_rows(arg_dict, thawed) -%}
    {%- set range = config.meta_get('range_column', none) -%}
    {%- for key in model.constraints | selectattr('type', 'equalto', 'primary_key') | map(attribute='columns')
        if range not in key -%}
        delete from {{ arg_dict['target_relation'] }} as old
using (select * from {{ arg_dict['temp_relation'] }} as part where {{ thawed }}) as new
where {% for column in key %}old.{{ column }} = new.{{ column }}{% if not loop.last %} and {% endif %}{% endfor %};
    {%- endfor -%}
{%- endmacro %}


{% macro in_replaced_range() -%}
    {%- set column = config.meta_get('range_column', none) -%}
    {%- if column == 'hour' -%}
        {{ in_hours('hour') }}
    {%- elif column == 'date' -%}
        {{ in_dates('date', config.meta_get('days_before', 0), config.meta_get('days_after', 0)) }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{#
  Whether the rows that a row of `part`, with these columns, is computed from are all there. A row of an hour in a
  table by date waits with the hour until all dates that the hour may belong to can be built (warehouse/ledger.py).
  What is made of hours or dates reaches further than any restore: it follows them whatever raw rows are dropped, for
  dates stay for ever, and hours as long as their days are not closed.
#}
{% macro is_thawed(part, columns) -%}
    {%- set range = config.meta_get('range_column', none) -%}
    {%- set made_of = config.meta_get('made_of', 'raw') -%}
    {%- set site = site_of(part, columns) -%}
    {%- set day = "cast(" ~ part ~ ".hour at time zone 'UTC' as date)" -%}
    {%- if range == 'hour' -%}
        not ops.is_frozen({{ site }}, {{ day }})
    {%- elif range == 'date' and 'hour' in columns -%}
        not (ops.is_frozen({{ site }}, {{ day }} - 1) or ops.is_frozen({{ site }}, {{ day }} + 1))
    {%- elif range == 'date' and made_of == 'dates' -%}
        true
    {%- elif range == 'date' and made_of == 'hours' -%}
        not (ops.is_closed({{ site }}, {{ part }}.date - 1) or ops.is_closed({{ site }}, {{ part }}.date + 1))
    {%- elif range == 'date' -%}
        not ops.is_frozen({{ site }}, {{ part }}.date)
    {%- else -%}
        true
    {%- endif %}
    and {{ is_not_held(part, columns) }}
{%- endmacro %}


{# The site of a row of `part`, with these columns. #}
{% macro site_of(part, columns) -%}
    {%- if 'site_code' in columns -%}
        {{ part }}.site_code
    {%- else -%}
        (select s.site_code from raw.signals as s where s.signal_id = {{ part }}.signal_id)
    {%- endif -%}
{%- endmacro %}


{#
  Taken before a model is computed and held until it is committed: of two runs over the same hours the later one
  computes after the earlier one has written, and never writes what it read before. Readers are not kept waiting.
#}
{% macro lock_target() -%}
    {%- if execute and config.get('materialized') == 'incremental' -%}
        {%- if flags.FULL_REFRESH and config.meta_get('range_column', none) -%}
            {#- It refuses a range, which models that take everything into their first build do not ask for. -#}
            {%- do built_range(config.meta_get('range_column')) -%}
        {%- endif -%}
        {%- set relation = load_relation(this) -%}
        {%- if relation is not none and relation.is_table -%}
            {%- if flags.FULL_REFRESH and config.meta_get('range_column', none) -%}
                {%- set dropped = run_query(
                    'select (select count(*) from ops.archived_days where dropped_at is not null)'
                    ~ ' + (select count(*) from ops.closed_days)'
                ) -%}
                {%- if dropped.columns[0].values()[0] > 0 -%}
                    {{ exceptions.raise_compiler_error(
                        '--full-refresh would lose the rows of ' ~ this ~ ' whose raw rows or hours are dropped. Leave it'
                        ~ ' out, or restore all days first; dropped hours do not come back.'
                    ) }}
                {%- endif -%}
            {%- endif -%}
            lock table {{ relation }} in share row exclusive mode
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
