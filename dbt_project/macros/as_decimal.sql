{#
  A float as the shortest decimal that names it. Sums and products of decimals are exact, so that they depend neither on
  the order of their terms nor on which range is built, and equal values deviate by nothing at all. (A plain cast keeps
  15 digits only.) What is under 1e-100 counts as 0: no instrument measures it, and its square would not fit a float.
#}
{% macro as_decimal(column) -%}
    trim_scale(round(cast(cast({{ column }} as text) as numeric), 100))
{%- endmacro %}
