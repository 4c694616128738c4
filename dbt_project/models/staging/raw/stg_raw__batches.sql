with source as (

    select * from {{ source('raw', 'batches') }}

),

renamed as (

    select
        -- ids
        site_code,
        batch_seq,
        batch_id,
        credential as source_code,
        load_id,

        -- text
        kind,
        origin,

        -- numerics
        item_count,
        accepted_count,
        quarantined_count,
        inserted_count,
        revised_count,
        duplicate_count,
        device_timed_count,
        late_count,
        lateness_p50_s,
        lateness_p95_s,
        quarantine_reasons,

        -- booleans
        is_replay,

        -- timestamps
        received_at,
        recorded_at

    from source

)

select * from renamed
