{{
    config(
        tags=['hourly'],
        meta={'range_column': 'hour'},
        indexes=[{'columns': ['equipment_code', 'metric', 'hour']}],
    )
}}

{{ sensor_readings_hourly(judged('stg_raw__readings'), built_hours()) }}
