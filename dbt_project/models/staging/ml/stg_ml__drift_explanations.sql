with source as (

    select * from {{ source('ml', 'drift_explanations') }}

),

renamed as (

    select
        -- ids
        episode_id,

        -- text
        explanation,
        reference_kind,

        -- timestamps
        reference_started_at,
        reference_ended_at,
        recorded_at

    from source

)

select * from renamed
