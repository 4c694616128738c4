"""Days near dropped ones are not scored anew (C2): the rows left would take away what was found in all of them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from ml.features import Equipment
from ml.score_tables import Scored, thawed

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
STEP_S = 7
DROP = text("""
    insert into ops.archived_days (table_name, site_code, equipment_class, day, row_count, checksum, byte_count,
        touch_count, written_at, dropped_at)
    values ('readings', 'demo', 'pump', :day, 1, 1, 1, 1, now(), now())
""")


def parts(engine: Engine, start: datetime, end: datetime, site_code: str = "demo") -> list[tuple[datetime, datetime]]:
    """First and last end of a window, of each part of a range that is scored; the grid does not divide the day."""
    scored = Scored(Equipment(site_code, "P1"), "anomaly-pump", 1, 1.0, ("flow",), STEP_S * 1_000_000)
    steps = range(*(int(at.timestamp()) // STEP_S for at in (start, end)))
    with engine.connect() as connection:
        found = list(thawed(connection, scored, steps))
    assert all(part.start >= steps.start and part.stop <= steps.stop and part for part in found)
    return [(scored.time_of(part.start), scored.time_of(part.stop - 1)) for part in found]


def test_what_is_near_a_dropped_day_is_left_out(warehouse_engine: Engine) -> None:
    """A day is frozen from two days before to three after a dropped one, to the microsecond."""
    whole = parts(warehouse_engine, START, START + 20 * DAY)
    assert len(whole) == 1
    with warehouse_engine.begin() as connection:
        connection.execute(DROP, {"day": START + 5 * DAY})
    before, after = parts(warehouse_engine, START, START + 20 * DAY)
    assert (before[0], after[1]) == whole[0]
    first, last = START + 3 * DAY, START + 9 * DAY
    step = timedelta(seconds=STEP_S)
    assert before[1] < first <= before[1] + step
    assert after[0] - step < last <= after[0]
    assert parts(warehouse_engine, START + 4 * DAY, START + 6 * DAY) == []
    assert parts(warehouse_engine, START, START + 20 * DAY, "elsewhere") == whole


def test_what_is_held_back_is_left_out(warehouse_engine: Engine) -> None:
    """S0-064: two hours that break a threshold, one of them in the range as a whole, of the other the last part."""
    hour = timedelta(hours=1)
    held = [START + 2 * hour, START + 5 * hour]
    with warehouse_engine.begin() as connection:
        for at in held:
            row = {"hour": at, "touched_at": START}
            connection.execute(
                text("insert into raw.touched_hours values ('demo', :hour, 1, 0, 0, :touched_at)"),
                row,
            )
            connection.execute(
                text("""
                    insert into ops.holds (site_code, hour, first_hour, last_hour, suite, expectation, period_start,
                        observed, touched_at)
                    values ('demo', :hour, :hour, :hour, 'readings', 'values_are_present', :hour, '{}', :touched_at)
                """),
                row,
            )
    step = timedelta(seconds=STEP_S)
    start, end = START + hour, START + 5 * hour + hour / 2
    first, second = parts(warehouse_engine, start, end)
    assert held[0] - step <= first[1] < held[0]
    assert second[0] - step < held[0] + hour <= second[0]
    assert held[1] - step <= second[1] < held[1]
    assert parts(warehouse_engine, held[0] + hour / 4, held[0] + hour / 2) == []
    assert len(parts(warehouse_engine, start, end, "elsewhere")) == 1
