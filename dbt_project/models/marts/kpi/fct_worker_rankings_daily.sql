{{ config(materialized='view', tags=['daily']) }}

-- A view, so that withdrawing a site's permission takes every rank away at once.
with grouped as (

    select
        kpis.site_code,
        workers.payload ->> 'department' as department,
        kpis.worker_code,
        kpis.date,
        kpis.units_produced,
        kpis.throughput_rate,
        count(*) over department as group_size,
        rank() over (department order by kpis.units_produced desc) as output_rank
    from {{ ref('fct_worker_kpis_daily') }} as kpis
    inner join {{ ref('int_registry_entries_versioned') }} as sites
        on
            sites.entity = 'sites'
            and sites.is_current
            and kpis.site_code = sites.site_code
            and cast(sites.payload ->> 'is_worker_ranking_allowed' as boolean)
    inner join {{ ref('int_registry_entries_versioned') }} as workers
        on
            workers.entity = 'workers'
            and kpis.site_code = workers.site_code
            and kpis.worker_code = workers.code
            and cast(kpis.date as timestamp) at time zone (sites.payload ->> 'time_zone') >= workers.valid_from
            and cast(kpis.date as timestamp) at time zone (sites.payload ->> 'time_zone') < workers.valid_to
    where workers.payload ->> 'department' is not null
    window department as (partition by kpis.site_code, workers.payload ->> 'department', kpis.date)

)

select
    site_code,
    department,
    worker_code,
    date,
    units_produced,
    throughput_rate,
    group_size,
    output_rank
from grouped
where group_size >= {{ var('min_ranking_group_size') }}
