{#
  Hours that a failed expectation holds back (expectations/holds.py): what is computed from raw leaves them out.

  `not in`, of which PostgreSQL makes one hash table: the condition then neither changes the order in which rows are read
  nor the index they are read by. Schemas of a copy as known at a past moment have a view of their own.
#}
{% macro held_hours() -%}
    ops{{ var('schema_suffix', '') }}.held_hours
{%- endmacro %}


{# Whether an hour (UTC) of a site is not held. #}
{% macro is_free(site, hour) -%}
    ({{ site }}, {{ hour }}) not in (select held.site_code, held.hour from {{ held_hours() }} as held)
{%- endmacro %}


{# Whether no local date is held that a date of a site is computed of: up to `before` after it and `after` before it. #}
{% macro is_of_free_dates(site, date, before, after) -%}
    not exists (
        select 1 from {{ held_hours() }} as held
        where
            held.site_code = {{ site }}
            and held.first_date <= {{ date }} + {{ before }}
            and held.last_date >= {{ date }} - {{ after }}
    )
{%- endmacro %}


{#
  Whether nothing is held that a row of `part`, with these columns, is computed of. What is made of tables finds older
  rows there, or none: only the date itself waits, and what takes from it is built again along with it.
#}
{% macro is_not_held(part, columns) -%}
    {%- set range = config.meta_get('range_column', none) -%}
    {%- if range == 'hour' -%}
        {{ is_free(site_of(part, columns), part ~ '.hour') }}
    {%- elif range == 'date' and config.meta_get('made_of', 'raw') == 'raw' -%}
        {{
            is_of_free_dates(
                site_of(part, columns), part ~ '.date', config.meta_get('days_before', 0), config.meta_get('days_after', 0)
            )
        }}
    {%- elif range == 'date' -%}
        {{ is_of_free_dates(site_of(part, columns), part ~ '.date', 0, 0) }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
