with source as (

    select * from {{ source('raw', 'signals') }}

),

renamed as (

    select
        -- ids
        signal_id,
        site_code,
        equipment_code,
        metric,

        -- text
        unit_code,

        -- timestamps
        recorded_at

    from source

)

select * from renamed
