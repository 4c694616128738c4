{{ config(materialized='view', tags=['daily']) }}

-- Events are few, and a late one may join two others: a view is right at once, a table would have to know which dates.
with events as (

    select
        events.*,
        cast(events.detected_at at time zone coalesce(sites.time_zone, 'UTC') as date) as date
    from {{ ref('fct_maintenance_events') }} as events
    left join {{ ref('dim_sites') }} as sites on events.site_code = sites.site_code

)

select
    site_code,
    date,
    coalesce(currency_code, 'XXX') as currency_code,
    count(*) as event_count,
    count(*) filter (where severity = 'critical') as critical_count,
    count(*) filter (where is_resolved) as resolved_count,
    count(*) filter (where is_prevented) as prevented_count,
    cast(sum(estimated_cost) as numeric(18, 2)) as estimated_cost,
    cast(
        case when count(estimated_cost) > 0 then coalesce(sum(estimated_cost) filter (where is_prevented), 0) end
        as numeric(18, 2)
    ) as estimated_savings
from events
group by site_code, date, coalesce(currency_code, 'XXX')
