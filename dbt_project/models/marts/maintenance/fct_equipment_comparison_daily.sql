{{
    config(
        tags=['daily'],
        meta={'range_column': 'date'},
        indexes=[{'columns': ['equipment_code', 'metric', 'date']}],
    )
}}

{%- set least_peers = 2 %}

-- Decimals, whose sums are exact: what is left of a sum without one of its terms is the sum of the others.
with days as (

    select
        readings.*,
        equipment.payload ->> 'equipment_class' as equipment_class,
        {{ as_decimal('readings.avg_value') }} as value
    from {{ ref('fct_sensor_readings_daily') }} as readings
    left join {{ ref('dim_sites') }} as sites on readings.site_code = sites.site_code
    -- Of the class that it had when the date began: changing it today leaves yesterday as it was.
    inner join {{ ref('int_registry_entries_versioned') }} as equipment
        on
            equipment.entity = 'equipment'
            and readings.site_code = equipment.site_code
            and readings.equipment_code = equipment.code
            and {{ start_of_date('readings.date', "coalesce(sites.time_zone, 'UTC')") }} >= equipment.valid_from
            and {{ start_of_date('readings.date', "coalesce(sites.time_zone, 'UTC')") }} < equipment.valid_to
    where
        readings.good_count > 0
        and {{ in_dates('readings.date') }}

),

among_peers as (

    select
        *,
        count(*) over peers - 1 as peer_count,
        sum(value) over peers - value as peer_sum,
        sum(value * value) over peers - value * value as peer_square_sum,
        rank() over (peers order by avg_value desc) as value_rank
    from days
    window peers as (partition by site_code, equipment_class, metric, unit_code, date)

),

compared as (

    select
        *,
        case when peer_count >= {{ least_peers }} then peer_sum / peer_count end as peer_avg,
        case
            when peer_count >= {{ least_peers }}
                then sqrt((peer_count * peer_square_sum - peer_sum * peer_sum) / (peer_count * (peer_count - 1)))
        end as peer_stddev
    from among_peers

)

select
    site_code,
    equipment_class,
    equipment_code,
    metric,
    unit_code,
    date,
    avg_value,
    peer_count,
    cast(peer_avg as double precision) as peer_avg_value,
    cast(value - peer_avg as double precision) as difference_value,
    cast(peer_stddev as double precision) as peer_stddev_value,
    {{ z_score('value - peer_avg', 'peer_stddev') }} as z_score,
    value_rank
from compared
