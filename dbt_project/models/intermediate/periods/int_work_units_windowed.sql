{{ config(materialized='ephemeral', tags=['daily']) }}

select
    site_code,
    work_unit_code,
    date,
    shift_code,
    sum(occupied_s) as occupied_s,
    cast(coalesce(extract(epoch from max(seen_until) - min(seen_from)), 0) as numeric(12, 3)) as window_s,
    sum(units_produced) as units_produced,
    -- Of the period, so the same whichever line the work unit was in.
    max(target_units_per_h) as target_units_per_h
from {{ ref('int_work_units_timed') }}
where {{ in_dates('date', days_before=1) }}
group by site_code, work_unit_code, date, shift_code
