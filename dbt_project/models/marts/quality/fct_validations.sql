{{ config(materialized='view', tags=['reference']) }}

-- No CTEs here: see stg_raw__readings. Of a window without rows no site is known, and there is one row.
select
    results.validation_id,
    sites.key as site_code,
    results.suite,
    results.expectation,
    results.observed ->> 'dimension' as dimension,
    results.window_start,
    results.window_end,
    coalesce(sites.value ->> 'severity', results.severity) as severity,
    coalesce(cast(sites.value ->> 'failed_group_count' as bigint) = 0, results.is_success) as is_met,
    cast(coalesce(sites.value, results.observed) ->> 'item_count' as bigint) as item_count,
    cast(coalesce(sites.value, results.observed) ->> 'group_count' as bigint) as group_count,
    cast(coalesce(sites.value, results.observed) ->> 'failed_group_count' as bigint) as failed_group_count,
    results.observed ->> 'measure' as measure,
    cast(coalesce(sites.value, results.observed) ->> 'worst' as double precision) as measured,
    coalesce(sites.value, results.observed) ->> 'limit' as bound,
    results.dagster_run_id,
    results.validated_at
from {{ source('ops', 'validation_results') }} as results
left join lateral jsonb_each(results.observed -> 'sites') as sites on true
