with source as (

    select * from {{ source('ml', 'drift_features') }}

),

renamed as (

    select
        -- ids
        episode_id,
        metric,

        -- numerics
        count_before,
        count_after,
        mean_before,
        mean_after,
        ks,
        ks_p,
        psi,
        usual_ks,
        usual_psi,

        -- booleans
        is_drifted,

        -- timestamps
        recorded_at

    from source

)

select * from renamed
