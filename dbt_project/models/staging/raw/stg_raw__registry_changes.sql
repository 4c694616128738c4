with source as (

    select * from {{ source('raw', 'registry_changes') }}

),

renamed as (

    select
        -- ids
        site_code,
        change_seq,
        entity,
        code,

        -- text
        changed_by,
        payload,

        -- timestamps
        changed_at,
        recorded_at

    from source

)

select * from renamed
