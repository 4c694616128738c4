{#
  What the `_live` views are made of: the settled hours as the table has them, the unsettled ones (int_hours_unsettled) computed
  from raw when the view is read, by the macros that the tables are built with (macros/hours). The view's CTE `unsettled`
  names the latter, its CTE `computed` has their rows.
#}

{# From the first unsettled hour to the end of the last, as [start, end] in SQL. #}
{% macro unsettled_hours() %}
    {{ return(["(select min(hour) from unsettled)", "(select max(hour) + interval '1 hour' from unsettled)"]) }}
{% endmacro %}


{% macro settled_and_computed(settled, columns) %}
    select
        {% for column in columns %}settled.{{ column }}{% if not loop.last %},
        {% endif %}{% endfor %}

    from {{ settled }} as settled
    where
        not exists (
            select from unsettled
            where unsettled.site_code = settled.site_code and unsettled.hour = settled.hour
        )
    union all
    select
        {% for column in columns %}computed.{{ column }}{% if not loop.last %},
        {% endif %}{% endfor %}

    from computed
    inner join unsettled on computed.site_code = unsettled.site_code and computed.hour = unsettled.hour
{% endmacro %}
