{#
  What is told of a group of readings, for the hour and for its part on either side of a local midnight. Sums of floats
  depend on the order of their terms: by event time, any order of arrival gives the same bits.
#}
{% macro reading_figures() -%}
    count(*) as reading_count,
    count(*) filter (where is_good) as good_count,
    avg(value order by event_time) filter (where is_good) as avg_value,
    min(value) filter (where is_good) as min_value,
    max(value) filter (where is_good) as max_value,
    stddev_samp(value order by event_time) filter (where is_good) as stddev_value,
    array_agg(value order by event_time) filter (where is_good) as good_values
{%- endmacro %}
