{{ config(materialized='ephemeral', tags=['hourly']) }}

{{ states_bounded(built_hours()) }}
