{# The band of an average confidence (S1-059..061). #}
{% macro confidence_band(column) -%}
    case
        when {{ column }} < 0.75 then 'critical'
        when {{ column }} <= 0.85 then 'warning'
        else 'healthy'
    end
{%- endmacro %}
