{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

{{ worker_hours(judged('stg_raw__events'), ref('int_states_resolved'), built_hours()) }}
