{#
  Views are replaced in place. dbt's own way swaps a new view in and drops the old one with all that depends on it, so
  that rebuilding a staging view would take features_equipment_readings away from whoever is reading it.
  Only where the columns no longer fit is the view dropped first; its dependents are built in the same run.
  A view that would come out as it is stays untouched: replacing it would wait for whoever is reading it, and make everybody
  wait who comes later. As PostgreSQL knows no text of views but its own, a temporary one is made to compare with.
#}
{% materialization view, adapter='postgres' %}
    {%- do wait_for_creator() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- set compared = adapter.quote(target.identifier) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is not none and not existing.is_view -%}
        {{ drop_relation_if_exists(existing) }}
    {%- endif -%}
    {%- call statement('main') -%}
        do $replace$
        declare
            is_same boolean;
        begin
            create temporary view {{ compared }} as (
                {{ sql }}
            );
            is_same := pg_get_viewdef('pg_temp.{{ compared }}'::regclass) = pg_get_viewdef(to_regclass('{{ target }}'));
            drop view pg_temp.{{ compared }};
            if is_same then
                return;
            end if;
            {{ get_replace_view_sql(target, sql) }}
        exception when invalid_table_definition then
            drop view {{ target }} cascade;
            {{ get_replace_view_sql(target, sql) }}
        end $replace$
    {%- endcall -%}

    {%- do apply_grants(target, config.get('grants'), should_revoke=existing is not none) -%}
    {%- do persist_docs(target, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
