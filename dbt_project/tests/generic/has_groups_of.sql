{# Fails for each group, by the columns, that has fewer than `least` different values of `member`. #}
{% test has_groups_of(model, columns, member, least) %}

    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(distinct {{ member }}) < {{ least }}

{% endtest %}
