with source as (

    select * from {{ source('raw', 'events') }}

),

renamed as (

    select
        -- ids
        site_code,
        source_code,
        nullif(work_unit_code, '') as work_unit_code,
        nullif(worker_code, '') as worker_code,
        batch_seq,
        load_id,

        -- text
        event_type,

        -- numerics
        duration_s,
        -- Scrapped units are not produced ones: no KPI can add them up by mistake.
        case when event_type <> 'scrap_count' then units_produced end as units_produced,
        case when event_type = 'scrap_count' then units_produced end as units_scrapped,
        confidence,

        -- booleans
        is_server_time,
        event_type in ('working', 'idle', 'absent', 'down') as is_state,
        coalesce(confidence >= {{ var('min_confidence') }}, true) as is_certain,

        -- timestamps
        event_time,
        received_at,
        recorded_at

    from source

)

select * from renamed
