"""Which hours the rollups hold of an equipment class. What is made of them, sensors and `history` decide.

Light enough for a sensor's tick: one entry of an index for each hour, however many signals there are. To read the mart
itself took 10 s for a year of a thousand signals, on every look.
"""

from datetime import datetime

from sqlalchemy import Connection, Engine, text

# The planner would rather read all of the mart once: `limit` keeps it from turning the look-ups into joins.
_HOURS = text("""
    with recursive hours (hour) as (
        (
            select hour from marts.fct_sensor_readings_hourly
            where hour > coalesce(cast(:since as timestamptz) - interval '1 hour', '-infinity') and hour <= :until
            order by hour limit 1
        )
        union all
        select next_one.hour from hours cross join lateral (
            select f.hour from marts.fct_sensor_readings_hourly as f
            where f.hour > hours.hour and f.hour <= :until
            order by f.hour limit 1
        ) as next_one
    ),
    -- Those without any readings would be looked up for every hour.
    signals as (
        select array_agg(s.signal_id) as signal_ids
        from marts.dim_equipment as d
        inner join raw.signals as s using (site_code, equipment_code)
        cross join lateral (
            select from marts.fct_sensor_readings_hourly as f
            where f.equipment_code = s.equipment_code and f.metric = s.metric and f.signal_id = s.signal_id limit 1
        ) as seen
        where d.equipment_class = :equipment_class
    )
    select hours.hour from hours cross join signals cross join lateral (
        select from marts.fct_sensor_readings_hourly as f
        where f.hour = hours.hour and f.signal_id = any(signals.signal_ids) limit 1
    ) as found
    order by hours.hour
""")
_WITHOUT_CHAMPION = text("""
    select d.equipment_class
    from (select distinct equipment_class from marts.dim_equipment) as d
    left join lateral (
        select coalesce(cast(metrics ->> 'format' as integer), 1) as format from ml.promotions
        where is_promoted and model_name = 'anomaly-' || d.equipment_class
        order by promotion_id desc limit 1
    ) as champion on true
    where coalesce(champion.format, 0) < :model_format
    order by d.equipment_class
""")


def hours_with_readings(
    engine: Engine, equipment_class: str, *, until: datetime, since: datetime | None = None
) -> list[datetime]:
    """The hours from that of `since` up to `until` in which equipment of the class has readings, oldest first, UTC."""
    with engine.connect() as connection:
        return _hours(connection, equipment_class, until, since) if _is_built(connection) else []


def classes_without_champion(engine: Engine, model_format: int) -> dict[str, int]:
    """Hours with readings by equipment class, for the classes without a champion that this release can read.

    Args:
        engine: The warehouse.
        model_format: The oldest that it reads; the ledger has that of each version, and none of the oldest ones.
    """
    with engine.connect() as connection:
        if not _is_built(connection):
            return {}
        classes = connection.scalars(_WITHOUT_CHAMPION, {"model_format": model_format}).all()
        hours = {name: len(_hours(connection, name, datetime.max)) for name in classes}
        return {name: count for name, count in hours.items() if count}


def _is_built(connection: Connection) -> bool:
    table = "marts.fct_sensor_readings_hourly"
    return connection.scalar(text("select to_regclass(:table) is not null"), {"table": table}) is True


def _hours(
    connection: Connection, equipment_class: str, until: datetime, since: datetime | None = None
) -> list[datetime]:
    bounds = {"until": until, "since": since}
    return list(connection.scalars(_HOURS, {"equipment_class": equipment_class, **bounds}))
