with source as (

    select * from {{ source('ml', 'promotions') }}

),

renamed as (

    select
        -- ids
        promotion_id,
        model_name,
        challenger_version as model_version,
        episode_id,
        mlflow_run_id,
        dagster_run_id,

        -- text
        reason,
        trigger,

        -- booleans
        is_promoted,
        is_shadow,

        -- timestamps
        decided_at,
        data_until

    from source

)

select * from renamed
