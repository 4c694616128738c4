{{ config(materialized='view', tags=['reference']) }}

with changes as (

    select * from {{ ref('stg_raw__registry_changes') }}

),

ordered as (

    select
        *,
        -- The clocks of two API instances may disagree; the numbers of the changes do not.
        max(changed_at) over entry as valid_from,
        row_number() over entry as version_number
    from changes
    window entry as (partition by site_code, entity, code order by change_seq)

),

versioned as (

    select
        site_code,
        entity,
        code,
        payload,
        version_number,
        min(changed_at) over (partition by site_code, entity, code) as registered_at,
        changed_at,
        case when version_number = 1 then '-infinity' else valid_from end as valid_from,
        coalesce(lead(valid_from) over entry, 'infinity') as valid_to
    from ordered
    window entry as (partition by site_code, entity, code order by change_seq)

)

select
    *,
    valid_to = 'infinity' as is_current
from versioned
