{{ config(materialized='ephemeral', tags=['hourly']) }}

{{ states_bounded(judged('stg_raw__events'), built_hours()) }}
