{{ config(materialized='view', tags=['reference']) }}
-- The loader's ledgers are no assets; they are written with this table, after which lineage places the view.
-- depends_on: {{ source('raw', 'batches') }}

with unsettled as (

    select
        site_code,
        hour,
        max(hour) over () as newest_hour
    from raw.touched_hours
    where
        -- By the index of what is pending; an hour is rolled up before it is summarized.
        summarized_count < touch_count
        and rolled_up_count < touch_count
        -- What came after its day was dropped waits for a restore: raw has only part of such hours.
        and not ops.is_frozen(site_code, cast(hour at time zone 'UTC' as date))
        and {{ is_free('site_code', 'hour') }}

)

select
    site_code,
    hour
from unsettled
-- After an outage there may be weeks of them, in a backfill years: the newest end is live, and quick to read.
where hour > newest_hour - interval '48 hours'
