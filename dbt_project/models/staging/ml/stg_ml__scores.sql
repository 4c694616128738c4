with source as (

    select * from {{ source('ml', 'scores') }}

),

renamed as (

    select
        -- ids
        site_code,
        equipment_code,
        model_name,
        model_version,

        -- numerics
        score,
        threshold,
        confidence,

        -- booleans
        is_anomaly,

        -- timestamps
        event_time,
        recorded_at

    from source

)

select * from renamed
