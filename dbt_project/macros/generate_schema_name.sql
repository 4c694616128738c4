{#
  Keeps schema names literal, so that a model's Dagster asset key is [schema, table]. The var schema_suffix names a copy
  of all schemas, sources included: the marts as known at a past moment (docs/as_known_at.md).
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}{{ var('schema_suffix', '') }}
{%- endmacro %}
