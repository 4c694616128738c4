with source as (

    select * from {{ source('raw', 'readings') }}

),

renamed as (

    select
        -- ids
        signal_id,
        batch_seq,
        load_id,

        -- numerics
        value,
        quality,

        -- booleans
        is_server_time,
        -- No instrument measures 1e100; two such values would overflow the standard deviation and stop the rollup.
        quality >= cast({{ var('min_quality') }} as real) and abs(value) <= 1e100 as is_good,

        -- timestamps
        event_time,
        received_at,
        recorded_at

    from source

)

select * from renamed
