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
        units_produced,
        confidence,

        -- booleans
        is_server_time,
        event_type in ('working', 'idle', 'absent') as is_state,
        coalesce(confidence >= {{ var('min_confidence') }}, true) as is_certain,

        -- timestamps
        event_time,
        received_at,
        recorded_at

    from source

)

select * from renamed
