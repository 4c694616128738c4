{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

{{ worker_hours(ref('int_states_resolved'), built_hours()) }}
