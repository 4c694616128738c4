{# Fails for each value of the key that is there twice or has a NULL in it. #}
{% test has_key(model, columns) %}

    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {% for column in columns %}or {{ column }} is null{% if not loop.last %} {% endif %}{% endfor %}

{% endtest %}
