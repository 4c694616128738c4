{{
    config(
        materialized='incremental',
        tags=['hourly'],
        post_hook='{{ analyze_much() }}',
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['hour', 'site_code', 'subject_kind', 'subject_code', 'started_at'], 'unique': true}],
    )
}}

{{ states_resolved(ref('int_states_bounded'), built_hours()) }}
