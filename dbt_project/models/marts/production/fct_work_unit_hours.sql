{{ config(tags=['hourly'], meta={'range_column': 'hour'}) }}

{{
    work_unit_hours(
        judged('stg_raw__events'), ref('int_states_resolved'), ref('int_work_units_occupied'), built_hours()
    )
}}
