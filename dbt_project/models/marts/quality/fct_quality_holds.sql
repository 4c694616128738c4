{{ config(materialized='view', tags=['reference']) }}

-- No CTEs here: see stg_raw__readings.
select
    holds.hold_id,
    holds.site_code,
    holds.hour,
    holds.suite,
    holds.expectation,
    holds.held_at,
    holds.released_at,
    holds.released_by,
    holds.reason,
    holds.released_at is null as is_open
from {{ source('ops', 'holds') }} as holds
