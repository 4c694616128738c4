{#
  Grants to the roles that exist. The warehouse's migrations make bi_reader; a server whose roles somebody else
  administers may not have it, and the marts are built there all the same.
#}
{% macro postgres__apply_grants(relation, grant_config, should_revoke=True) %}
    {%- if grant_config -%}
        {%- set roles = run_query('select rolname from pg_roles').columns[0].values() -%}
        {%- set existing = {} -%}
        {%- for privilege, grantees in grant_config.items() -%}
            {%- do existing.update({privilege: grantees | select('in', roles) | list}) -%}
        {%- endfor -%}
        {{ default__apply_grants(relation, existing, should_revoke) }}
    {%- endif -%}
{% endmacro %}
