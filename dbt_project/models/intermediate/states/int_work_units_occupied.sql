{{
    config(
        materialized='incremental',
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['hour', 'site_code', 'work_unit_code', 'started_at'], 'unique': true}],
    )
}}

{{ work_units_occupied(ref('int_states_resolved'), built_hours()) }}
