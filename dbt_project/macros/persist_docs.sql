{#
  Descriptions as comments in the database, where BI tools show them. Written when they differ from what is there: most
  runs build a range of a table that has them already.
#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) %}
    {%- set wanted = [model.description] + model.columns.values() | map(attribute='description') | list -%}
    {%- set found = run_query(
        "select description from pg_description where classoid = 'pg_class'::regclass and objoid = '" ~ relation
        ~ "'::regclass order by objsubid"
    ).columns[0].values() | list -%}
    {%- if found != wanted -%}
        {{ default__persist_docs(relation, model, for_relation, for_columns) }}
    {%- endif -%}
{% endmacro %}
