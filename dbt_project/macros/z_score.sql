{#
  A difference in standard deviations, to six decimals; NULL where the deviation is 0 or not known. Beyond 999,999 either
  way it is no longer told how far: next to no deviation, anything is far off.
#}
{% macro z_score(difference, deviation) -%}
    cast(
        case
            when {{ deviation }} > 0
                then greatest(-999999, least(999999, round(({{ difference }}) / {{ deviation }}, 6)))
        end as numeric(12, 6)
    )
{%- endmacro %}
