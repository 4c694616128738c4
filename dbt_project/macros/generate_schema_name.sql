{# Keeps schema names literal, so that a model's Dagster asset key is [schema, table]. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
