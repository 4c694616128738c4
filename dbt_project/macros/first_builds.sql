{#
  First builds beside each other: runs that all found a relation missing, of Dagster, of `dg launch` or of dbt itself.

  Each takes a lock that bears the name of the relation and holds it until its transaction has ended. Whoever has waited
  looks again: what somebody else created meanwhile it builds as if it had been there from the beginning. dbt itself
  looks once, before its run, and would fail to create what is there.
#}
{% macro wait_for_creator() %}
    {%- if load_cached_relation(this) is none -%}
        {%- do run_query("select pg_advisory_xact_lock(hashtextextended('" ~ this ~ "', 0))") -%}
        {%- set found = run_query("select relkind from pg_class where oid = to_regclass('" ~ this ~ "')") -%}
        {%- if found.rows -%}
            {%- set is_view = found.columns[0].values()[0] == 'v' -%}
            {%- do adapter.cache_added(this.incorporate(type='view' if is_view else 'table')) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% materialization incremental, adapter='postgres' %}
    {%- do wait_for_creator() -%}
    {{ return(dbt.materialization_incremental_default()) }}
{% endmaterialization %}


{% materialization seed, adapter='postgres' %}
    {%- do wait_for_creator() -%}
    {{ return(dbt.materialization_seed_default()) }}
{% endmaterialization %}


{# A table that is made has no older rows to keep: what is held is left out of it. #}
{% macro postgres__get_create_table_as_sql(temporary, relation, sql) %}
    {%- if not temporary and config.meta_get('range_column', none) -%}
        {%- set columns = get_columns_in_query(sql) -%}
        {%- set sql -%}
            select part.* from (
                {{ sql }}
            ) as part
            where {{ is_not_held('part', columns) }}
        {%- endset -%}
    {%- endif -%}
    {{ return(create_table_as(temporary, relation, sql)) }}
{% endmacro %}
