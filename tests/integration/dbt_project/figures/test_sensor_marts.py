"""The marts of readings, from a small plant worked out by hand: hours, dates, trends, peers, quality.

Built once as a whole; at the end dates are built anew in any order, and without the raw readings.
"""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text

from warehouse import tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
FIRST = date(2026, 2, 1)
BERLIN, PUNE = "berlin", "pune"
MODELS = (
    "tag:reference",
    "fct_sensor_readings_hourly",
    "fct_signal_quality_hourly",
    "fct_sensor_readings_daily",
    "fct_sensor_trends_daily",
    "fct_equipment_comparison_daily",
)
Rows = Callable[[str], list[tuple[Any, ...]]]

# site, equipment, metric, then (time, value, quality)
Signal = tuple[str, str, str, list[tuple[datetime, float, float]]]


def on(day: date, clock: str = "12:00") -> datetime:
    """UTC of a date and a clock."""
    hour, minute = (int(part) for part in clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def plant() -> list[Signal]:
    """What the signals read."""
    # 30 dates that swing between 10 and 14, a gap of two dates, then 17.
    swinging = [(on(FIRST + n * DAY), 10.0 if n % 2 == 0 else 14.0, 1.0) for n in range(30)]
    swinging += [(on(date(2026, 3, 5)), 17.0, 1.0)]
    # Up by 0.5 a day, in hours of different weight.
    rising = [
        (on(date(2026, 3, 1) + n * DAY, clock), 20 + n / 2 + offset, 1.0)
        for n in range(7)
        for clock, offset in (("03:00", -3.0), ("03:30", -3.0), ("15:00", 6.0))
    ]
    peers = [
        (BERLIN, f"P{n}", "temperature", [(on(MONDAY.date()), value, 1.0)]) for n, value in enumerate((10.0, 12.0), 3)
    ]
    # Midnight in Pune is at 18:30 UTC: 1, 3 and a bad 99 before it, 5 after it.
    midnight = [
        ("17:00", 2.0, 1.0),
        ("18:00", 1.0, 1.0),
        ("18:10", 99.0, 0.1),
        ("18:29", 3.0, 0.7),
        ("18:30", 5.0, 1.0),
    ]
    # A minute's rhythm from 10:00, silent from 10:30 until 10:40, the same value from 10:20 on.
    minutes = [n for n in range(60) if not 30 < n < 40]
    rhythm = [(MONDAY + 10 * HOUR + timedelta(minutes=n), float(min(n, 20)), 1.0) for n in minutes]
    return [
        (BERLIN, "P1", "temperature", swinging),
        (BERLIN, "P2", "temperature", rising),
        *peers,
        (PUNE, "P1", "flow", [(on(MONDAY.date(), clock), value, quality) for clock, value, quality in midnight]),
        (BERLIN, "P1", "pressure", rhythm),
    ]


def fill(connection: Connection) -> None:
    """Write the plant into raw, as the loader would."""
    zones = {BERLIN: "Europe/Berlin", PUNE: "Asia/Kolkata"}
    entries: list[tuple[str, str, str, dict[str, Any]]] = [
        (site, "sites", site, {"name": site, "time_zone": zone}) for site, zone in zones.items()
    ]
    entries += [(BERLIN, "equipment", f"P{n}", {"name": f"Pump {n}", "equipment_class": "pump"}) for n in range(1, 5)]
    connection.execute(
        insert(tables.warehouse_registry_changes),
        [
            {"site_code": site, "change_seq": seq, "entity": entity, "code": code, "payload": payload,
             "changed_by": "test", "changed_at": on(FIRST)}
            for seq, (site, entity, code, payload) in enumerate(entries)
        ],
    )  # fmt: skip
    for site, equipment, metric, readings in plant():
        signal = {"site_code": site, "equipment_code": equipment, "metric": metric, "unit_code": "Cel"}
        signal_id = connection.scalar(insert(tables.signals).values(signal).returning(tables.signals.c.signal_id))
        add(connection, signal_id, readings)
        if metric == "pressure":
            old = row(signal_id, MONDAY + 10 * HOUR, 7.0) | {"superseded_at": MONDAY + 11 * HOUR}
            connection.execute(insert(tables.reading_revisions), [old, old | {"batch_seq": 2}])


def row(signal_id: Any, event_time: datetime, value: float, quality: float = 1.0) -> dict[str, Any]:
    """A row of raw.readings."""
    stamps = {"event_time": event_time, "received_at": event_time, "recorded_at": event_time}
    keys = {"signal_id": signal_id, "item_index": 0, "is_server_time": False, "batch_seq": 1, "load_id": 1}
    return {**keys, **stamps, "value": value, "quality": quality}


def add(connection: Connection, signal_id: Any, readings: list[tuple[datetime, float, float]]) -> None:
    """Store readings."""
    connection.execute(insert(tables.readings), [row(signal_id, *reading) for reading in readings])


@pytest.fixture(scope="module")
def dbt(own_url: str, own_engine: Engine, start_dbt: Callable[[str], Any]) -> Any:
    dbt = start_dbt(own_url)
    dbt("build", "--exclude-resource-type", "unit_test", "--select", *MODELS)
    return dbt


@pytest.fixture
def rows(own_engine: Engine, dbt: Any) -> Rows:
    def rows(query: str) -> list[tuple[Any, ...]]:
        with own_engine.connect() as connection:
            return [tuple(found) for found in connection.execute(text(query))]

    return rows


def test_a_local_day_cuts_the_hour_that_midnight_lies_in(rows: Rows) -> None:
    """C2, D5: 2, 1 and 3 are Monday's in Pune, with the bad one that counts and no more; 5 is Tuesday's."""
    found = rows(f"""
        select date::text, reading_count, good_count, avg_value, min_value, max_value, stddev_value, first_value,
            last_value, good_pct
        from marts.fct_sensor_readings_daily where site_code = '{PUNE}' order by date
    """)
    assert found == [
        ("2026-03-02", 4, 3, 2.0, 1.0, 3.0, 1.0, 2.0, 3.0, Decimal("75.0000")),
        ("2026-03-03", 1, 1, 5.0, 5.0, 5.0, None, 5.0, 5.0, Decimal("100.0000")),
    ]


def test_the_hour_itself_stays_whole(rows: Rows) -> None:
    """S0-037: the hourly rollup is by UTC hour."""
    hour = "2026-03-02T18:00Z"
    assert rows(f"""
        select reading_count, good_count, avg_value, first_value, last_value
        from marts.fct_sensor_readings_hourly where hour = '{hour}' and site_code = '{PUNE}'
    """) == [(4, 3, 3.0, 1.0, 5.0)]


def test_a_day_pools_its_hours_by_reading(rows: Rows) -> None:
    """Two readings of 17 and one of 26 average 20 and deviate by sqrt((9 + 9 + 36) / 2)."""
    found = rows("""
        select avg_value, stddev_value, first_value, last_value from marts.fct_sensor_readings_daily
        where equipment_code = 'P2' and date = '2026-03-01'
    """)
    assert found == [(20.0, 27**0.5, 17.0, 26.0)]


def test_a_signal_that_rises_by_half_a_degree_a_day(rows: Rows) -> None:
    """S0-046: 20, 20.5, ... 23 rise by 0.5 a day; the mean of the week is the middle one."""
    found = rows("""
        select date::text, avg_value, avg_value_7d, day_count_7d, slope_per_day from marts.fct_sensor_trends_daily
        where equipment_code = 'P2' and date >= '2026-03-03' order by date
    """)
    assert found[0] == ("2026-03-03", 21.0, 20.5, 3, 0.5)
    assert found[-1] == ("2026-03-07", 23.0, 21.5, 7, 0.5)
    assert {slope for *_, slope in found} == {0.5}


def test_a_day_that_is_far_from_the_thirty_before_it(rows: Rows) -> None:
    """Of the 30 dates before the 5th, 28 have readings, 14 of each: mean 12, variance 28 × 4 / 27."""
    found = rows("""
        select date::text, baseline_day_count, baseline_avg_value, z_score from marts.fct_sensor_trends_daily
        where equipment_code = 'P1' and metric = 'temperature' and date in ('2026-02-07', '2026-02-08', '2026-03-05')
        order by date
    """)
    z_score = Decimal(5 / (28 * 4 / 27) ** 0.5).quantize(Decimal("0.000001"))
    assert found[0] == ("2026-02-07", 6, None, None)
    assert (found[1][1], found[1][3]) == (7, Decimal("1.069045"))
    assert found[2] == ("2026-03-05", 28, 12.0, z_score)


def test_equipment_beside_its_peers(rows: Rows) -> None:
    """S0-036: on Monday four pumps read 14, 20.5, 10 and 12: without the second the mean is 12 and the deviation 2."""
    found = rows("""
        select equipment_code, peer_count, avg_value, peer_avg_value, difference_value, peer_stddev_value, z_score,
            value_rank
        from marts.fct_equipment_comparison_daily
        where date = '2026-03-02' and metric = 'temperature' order by value_rank
    """)
    assert found[0] == ("P2", 3, 20.5, 12.0, 8.5, 2.0, Decimal("4.250000"), 1)
    assert [(code, rank) for code, *_, rank in found] == [("P2", 1), ("P1", 2), ("P4", 3), ("P3", 4)]


def test_one_peer_is_not_enough(rows: Rows) -> None:
    found = rows("""
        select peer_count, peer_avg_value, difference_value, z_score from marts.fct_equipment_comparison_daily
        where date = '2026-03-05' and equipment_code = 'P1'
    """)
    assert found == [(1, None, None, None)]


def test_gaps_and_flat_lines(rows: Rows) -> None:
    """S0-059: 51 of 60; a silence of 10 minutes from 10:30 to 10:40, and 39 minutes at 20."""
    found = rows("""
        select reading_count, sampling_interval_s, expected_count, completeness_pct, gap_count, gap_s, longest_gap_s,
            longest_flat_s, is_flat, revised_count
        from marts.fct_signal_quality_hourly where metric = 'pressure'
    """)
    assert found == [(51, 60, 60, 85, 1, 600, 600, 2340, True, 2)]


def test_every_signal_hour_of_the_rollup_is_judged(rows: Rows) -> None:
    counts = "select signal_id, hour, reading_count from marts.{} order by 1, 2"
    judged = rows(counts.format("fct_signal_quality_hourly"))
    assert judged == rows(counts.format("fct_sensor_readings_hourly")) and len(judged) > 40


def test_dates_built_in_any_order_equal_a_full_build(
    own_engine: Engine, dbt: Any, snapshot: Callable[[Connection], dict[str, list[str]]]
) -> None:
    """D6: late readings change dates, the averages after them and the baselines of 30 dates."""
    dice = random.Random(4)
    touched = sorted({FIRST + dice.randrange(40) * DAY for _ in range(6)})
    late = [on(day, f"{dice.randrange(24)}:{dice.choice(['05', '35'])}") for day in touched]
    with own_engine.begin() as connection:
        signals = connection.scalars(text("select signal_id from raw.signals order by 1")).all()
        for event_time in late:
            for signal_id in signals:
                add(connection, signal_id, [(event_time, dice.choice([0.1, 1e16, 5e-324, -1e99]), 1.0)])
    dice.shuffle(late)
    for event_time in late:
        hour = event_time.replace(minute=0)
        dbt("run", "--select", f"{MODELS[1]}+,tag:hourly", f"{MODELS[2]}", start_hour=hour.isoformat(),
            end_hour=(hour + HOUR).isoformat())  # fmt: skip
    for day in sorted({event_time.date() + offset for event_time in late for offset in (timedelta(0), DAY)},
                      key=lambda day: dice.random()):  # fmt: skip
        dbt("run", "--select", f"{MODELS[3]}+", start_date=day, end_date=day + DAY)
    with own_engine.connect() as connection:
        piecewise = snapshot(connection)
    dbt("run", "--full-refresh", "--select", *MODELS)
    with own_engine.connect() as connection:
        at_once = snapshot(connection)
    assert [table for table in at_once if at_once[table] != piecewise[table]] == []


def test_trends_can_be_built_when_the_raw_readings_are_gone(
    own_engine: Engine, dbt: Any, snapshot: Callable[[Connection], dict[str, list[str]]]
) -> None:
    """C2: raw readings are kept for half a year, daily ones for good; the daily ones themselves are frozen by then.

    An hour that a half-hour zone cuts can only be told apart from raw; what is built again is what follows from them.
    """
    with own_engine.begin() as connection:
        before = snapshot(connection)
        connection.execute(text("truncate raw.readings"))
    dbt("run", "--full-refresh", "--select", f"{MODELS[4]}+")
    with own_engine.connect() as connection:
        assert snapshot(connection) == before
