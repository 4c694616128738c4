-- No CTEs here: PostgreSQL keeps a view that has one as a subquery of its own, and the signals that a query asks for
-- would not reach the primary key. Measured: the features of one equipment took the readings of all.
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
    quality >= cast({{ var('min_quality') }} as real) and value between -1e100 and 1e100 as is_good,

    -- timestamps
    event_time,
    received_at,
    recorded_at
from {{ source('raw', 'readings') }}
