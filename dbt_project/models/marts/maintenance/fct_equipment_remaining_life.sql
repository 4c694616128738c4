{{ config(materialized='view', tags=['daily']) }}

with newest as (

    select distinct on (site_code, equipment_code) *
    from {{ ref('stg_ml__remaining_life') }}
    order by site_code asc, equipment_code asc, as_of desc, recorded_at desc, model_version desc

)

select
    newest.site_code,
    newest.equipment_code,
    equipment.name,
    equipment.equipment_class,
    newest.as_of,
    newest.age_h,
    newest.remaining_life_h,
    newest.lower_h,
    newest.upper_h,
    newest.cap_h,
    newest.as_of + make_interval(secs => newest.lower_h * 3600) as maintenance_due_at,
    cast((newest.as_of + make_interval(secs => newest.lower_h * 3600)) at time zone sites.time_zone as date)
        as maintenance_due_date,
    newest.model_name,
    newest.model_version,
    newest.recorded_at
from newest
inner join {{ ref('dim_equipment') }} as equipment
    on newest.site_code = equipment.site_code and newest.equipment_code = equipment.equipment_code
inner join {{ ref('dim_sites') }} as sites on newest.site_code = sites.site_code
-- Of a life that has ended nothing remains; the next one has no forecast yet. Failures as they are kept: by raw events
-- alone, a forecast would come back when they are dropped.
where not exists (
    select 1
    from {{ ref('int_failures_reported') }} as failures
    where
        failures.site_code = newest.site_code
        and failures.work_unit_code = equipment.work_unit_code
        and failures.event_time > newest.as_of
)
