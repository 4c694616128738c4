"""Keeps the continuous aggregate `sensor_readings_hourly` beside the marts (C44). The rollups are dbt's.

It counts all readings and takes the least and greatest value, up to the newest row. Which readings are good, units and
averages are the mart's: `marts.fct_sensor_readings_hourly`.
"""

import re
from datetime import datetime

from sqlalchemy import Engine, text

from warehouse.errors import AggregateRefused
from warehouse.timescale import capabilities

NAME = "sensor_readings_hourly"
_CREATE = """
    create materialized view if not exists {view}
    with (timescaledb.continuous, timescaledb.materialized_only = false) as
    select signal_id, time_bucket(interval '1 hour', event_time) as hour, count(*) as reading_count,
        min(value) as min_value, max(value) as max_value
    from raw.readings group by 1, 2
    with no data
"""
_TAKEN = {"raw", "staging", "intermediate", "marts", "seeds", "ml", "ops"}
# A refresh over dropped days would empty them.
_DROPPED_UNTIL = text(
    "select cast(max(day) + 1 as timestamp) at time zone 'UTC' from ops.archived_days "
    "where table_name = 'readings' and dropped_at is not null"
)


def refresh(engine: Engine, schema: str, until: datetime) -> str:
    """Create the aggregate where it is missing, bring it up to date and return its name.

    What did not change since the last time is not computed again. Days before the newest dropped one stay as they are.

    Args:
        engine: Of the warehouse.
        schema: Where it is, or shall be.
        until: Whole hour, UTC; later rows are aggregated when they are asked for.

    Raises:
        AggregateRefused: The server is not community TimescaleDB, or the schema is no plain name or belongs to others.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", schema) or schema in _TAKEN:
        raise AggregateRefused(f"{schema}: name a schema of its own, in small letters")
    view = f"{schema}.{NAME}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not capabilities(connection).has_compression:
            raise AggregateRefused("continuous aggregates need the community edition of TimescaleDB")
        connection.execute(text(f"create schema if not exists {schema}"))
        connection.execute(text(_CREATE.format(view=view)))
        since = connection.scalar(_DROPPED_UNTIL)
        connection.execute(
            text("call refresh_continuous_aggregate(cast(:view as regclass), cast(:since as timestamptz), :until)"),
            {"view": view, "since": since, "until": until},
        )
    return view
