"""The continuous aggregate says what the marts say, follows late rows, and outlives the raw rows (C44, S0-037)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse.continuous_aggregate import refresh
from warehouse.errors import AggregateRefused
from warehouse.load import load_site
from warehouse.retention import retain
from warehouse.timescale import capabilities

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
LATER = datetime(2026, 3, 10, tzinfo=UTC)
# The hour, counts and extremes of marts.fct_sensor_readings_hourly; all readings here are good ones.
MART = """
    select signal_id, date_trunc('hour', event_time, 'UTC'), count(*), min(value), max(value)
    from raw.readings group by 1, 2 order by 1, 2"""
AGGREGATE = "select signal_id, hour, reading_count, min_value, max_value from fast.sensor_readings_hourly order by 1, 2"


def rows(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def fill(inbox: Any, days: int) -> None:
    items = [{"event_time": T0 + timedelta(minutes=17 * n), "value": (n * 37 % 91) / 7} for n in range(days * 84)]
    inbox.add("readings", [{**item, "metric": metric} for item in items for metric in ("a", "b")])


def test_it_equals_the_rollup_and_follows_late_rows(community_engine: Engine, inbox: Any) -> None:
    fill(inbox, 3)
    load_site(community_engine, inbox, "demo")
    assert refresh(community_engine, "fast", LATER) == "fast.sensor_readings_hourly"
    assert rows(community_engine, AGGREGATE) == rows(community_engine, MART) != []

    inbox.add("readings", [{"event_time": T0 + timedelta(minutes=1), "value": 99.0, "metric": "a"}])
    inbox.add("readings", [{"event_time": T0, "value": -5.0, "metric": "b"}])  # a revision
    load_site(community_engine, inbox, "demo")
    assert rows(community_engine, AGGREGATE) != rows(community_engine, MART)
    refresh(community_engine, "fast", LATER)
    assert rows(community_engine, AGGREGATE) == rows(community_engine, MART)


def test_it_outlives_raw_rows_that_are_dropped(community_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    fill(inbox, 3)
    load_site(community_engine, inbox, "demo")
    refresh(community_engine, "fast", LATER)
    before = rows(community_engine, AGGREGATE)
    with community_engine.begin() as connection:
        connection.execute(
            text("update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
        )
        connection.execute(text("create table marts.fct_sensor_readings_hourly as "
                                "select signal_id, hour, reading_count from fast.sensor_readings_hourly"))  # fmt: skip
    dropped = retain(community_engine, tmp_path, datetime(2026, 3, 3, tzinfo=UTC) + timedelta(days=30), 30).dropped
    assert [day.day.day for day in dropped] == [1, 2]
    inbox.add("readings", [{"event_time": T0 + timedelta(minutes=1), "value": 99.0, "metric": "a"}])
    load_site(community_engine, inbox, "demo")
    refresh(community_engine, "fast", LATER)
    assert rows(community_engine, AGGREGATE) == before


@pytest.mark.parametrize("schema", ["raw", "Fast", "fast; drop table raw.readings", ""])
def test_a_schema_of_others_is_refused(schema: str, community_engine: Engine) -> None:
    with pytest.raises(AggregateRefused):
        refresh(community_engine, schema, LATER)


def test_other_editions_say_what_it_needs(warehouse_engine: Engine) -> None:
    with warehouse_engine.connect() as connection:
        if capabilities(connection).has_compression:
            pytest.skip("this server has continuous aggregates")
    with pytest.raises(AggregateRefused, match="community"):
        refresh(warehouse_engine, "fast", LATER)
