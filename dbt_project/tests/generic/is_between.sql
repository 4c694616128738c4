{# Fails for each row in which one of the columns is under `lowest` or over `highest`; NULL passes. #}
{% test is_between(model, columns, lowest=none, highest=none) %}

    select {{ columns | join(', ') }}
    from {{ model }}
    where
        false
        {% for column in columns %}
            {% if lowest is not none %}or {{ column }} < {{ lowest }}{% endif %}
            {% if highest is not none %}or {{ column }} > {{ highest }}{% endif %}
        {% endfor %}

{% endtest %}
