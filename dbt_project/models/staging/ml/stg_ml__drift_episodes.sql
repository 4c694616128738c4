with source as (

    select * from {{ source('ml', 'drift_episodes') }}

),

renamed as (

    select
        -- ids
        episode_id,
        site_code,

        -- text
        stream,
        equipment_class,
        band,

        -- numerics
        mean_before,
        mean_after,
        sample_count,

        -- timestamps
        detected_at,
        recovered_at,
        recorded_at

    from source

)

select * from renamed
