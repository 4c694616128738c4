with source as (

    select * from {{ source('ml', 'remaining_life') }}

),

renamed as (

    select
        -- ids
        site_code,
        equipment_code,
        model_name,
        model_version,

        -- numerics
        age_h,
        remaining_life_h,
        lower_h,
        upper_h,
        cap_h,

        -- timestamps
        event_time as as_of,
        recorded_at

    from source

)

select * from renamed
