"""What raw held at a past moment, and how the server finds it (S1-020, S1-041)."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse import ingest_ledger
from warehouse.as_known import HISTORY, begin_copy, drop_copy
from warehouse.errors import CopyRefused
from warehouse.load import load_site
from warehouse.tables import warehouse_metadata

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def now(engine: Engine) -> Any:
    return rows(engine, "select clock_timestamp()")[0][0]


def test_each_moment_shows_the_version_then_believed(warehouse_engine: Engine, inbox: Any) -> None:
    """D4: a replaced version is believed from recorded_at until superseded_at."""
    moments = [now(warehouse_engine)]
    for value in (1.0, 2.0, 2.0, 3.0):
        inbox.add("readings", [{"event_time": T0, "value": value, "unit_code": None if value == 1 else "bar"}])
        inbox.add("events", [{"event_time": T0, "units_produced": int(value)}])
        load_site(warehouse_engine, inbox, "demo")
        moments.append(now(warehouse_engine))
    values = "select value from raw.readings_as_known_at(:moment)"
    units = "select units_produced from raw.events_as_known_at(:moment)"
    known = "select unit_code from raw.signals_as_known_at(:moment)"
    found = [[rows(warehouse_engine, query, moment=moment) for moment in moments] for query in (values, units, known)]
    assert found[0] == [[], [(1.0,)], [(2.0,)], [(2.0,)], [(3.0,)]]
    assert found[1] == [[], [(1,)], [(2,)], [(2,)], [(3,)]]
    assert found[2] == [[], [(None,)], [("bar",)], [("bar",)], [("bar",)]]


def test_a_version_that_arrived_too_late_was_never_believed(warehouse_engine: Engine, inbox: Any) -> None:
    """A replayed batch of an older version is filed, and no moment shows it."""
    first = inbox.add("readings", [{"event_time": T0, "value": 1.0}])
    inbox.add("readings", [{"event_time": T0, "value": 2.0}])
    inbox.hidden = {first}
    load_site(warehouse_engine, inbox, "demo")
    inbox.hidden = set()
    with warehouse_engine.begin() as connection:
        connection.execute(text("update raw.cursors set position = 0"))
    load_site(warehouse_engine, inbox, "demo")
    (filed,) = rows(warehouse_engine, "select value, recorded_at from raw.reading_revisions")
    assert filed[0] == 1.0
    query = "select value from raw.readings_as_known_at(:moment)"
    assert rows(warehouse_engine, query, moment=filed[1]) == [(2.0,)]


def test_the_functions_have_the_columns_of_their_tables(warehouse_engine: Engine) -> None:
    for name in ("readings", "events", "signals"):
        with warehouse_engine.connect() as connection:
            result = connection.execute(text(f"select * from raw.{name}_as_known_at(now()) limit 0"))
        columns = [column.name for column in warehouse_metadata.tables[f"raw.{name}"].columns]
        assert list(result.keys()) == [column for column in columns if column != "unit_recorded_at"]


def test_conditions_reach_the_index_behind_the_function(warehouse_engine: Engine, inbox: Any) -> None:
    """S1-042: the functions are inlined; a signal's hour costs what it costs in the table."""
    times = [T0 + timedelta(minutes=minute) for minute in range(3 * 24 * 60)]
    for metric in ("m1", "m2", "m3"):
        inbox.add("readings", [{"event_time": time, "value": 1.0, "metric": metric} for time in times])
    load_site(warehouse_engine, inbox, "demo")
    with warehouse_engine.begin() as connection:
        connection.execute(text("analyze raw.readings"))
    plan = "\n".join(
        row[0]
        for row in rows(
            warehouse_engine,
            """
            explain (analyze, costs off, timing off)
            select count(*) from raw.readings_as_known_at(now()) where signal_id = 1
            and event_time >= '2026-03-02T06:00Z' and event_time < '2026-03-02T07:00Z'
            """,
        )
    )
    assert "Function Scan" not in plan
    assert "Seq Scan" not in plan
    assert plan.count("Index Cond: ((signal_id = 1) AND (event_time >= ") >= 2, plan


def test_what_has_no_history_is_not_in_a_copy(warehouse_engine: Engine) -> None:
    begin_copy(warehouse_engine, now(warehouse_engine))
    query = """
        select replace(table_schema, '_as_known', '') || '.' || table_name from information_schema.views
        where table_schema in ('raw_as_known', 'ml_as_known', 'ops_as_known')"""
    assert {name for (name,) in rows(warehouse_engine, query)} == HISTORY.keys()
    assert HISTORY.keys() - {"ops.held_hours", "ops.unjudged_hours"} <= warehouse_metadata.tables.keys()
    drop_copy(warehouse_engine)
    assert rows(warehouse_engine, "select nspname from pg_namespace where nspname like '%as\\_known'") == []


@pytest.mark.parametrize(
    ("moment", "name", "said"),
    [
        (datetime(2999, 1, 1, tzinfo=UTC), "", "in the future"),
        (datetime(2026, 3, 1), "", "no time zone"),
        (T0, 'x"; drop schema raw', "cannot be called"),
    ],
)
def test_moments_and_names_that_cannot_be_are_refused(
    warehouse_engine: Engine, moment: datetime, name: str, said: str
) -> None:
    with pytest.raises(CopyRefused, match=said):
        begin_copy(warehouse_engine, moment, name)


def test_a_copy_waits_for_loads_that_have_not_committed(warehouse_engine: Engine) -> None:
    """What a load recorded before the moment belongs to it, though nobody could see it yet."""
    started, is_begun = now(warehouse_engine), threading.Event()

    def begin() -> None:
        begin_copy(warehouse_engine, started)
        is_begun.set()

    copying = threading.Thread(target=begin)
    with warehouse_engine.begin() as loading:
        ingest_ledger.lock(loading, "demo", "readings")
        copying.start()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        while rows(warehouse_engine, waiting) != [(1,)]:
            assert copying.is_alive()
        assert not is_begun.is_set()
    copying.join(30)
    assert is_begun.is_set()


def test_bi_reader_reads_views_over_a_copy(warehouse_engine: Engine, inbox: Any) -> None:
    """A mart that is a view asks raw as its owner; a function in between would ask as the reader."""
    inbox.add("readings", [{"event_time": T0, "value": 1.0}])
    inbox.add("events", [{"event_time": T0}])
    load_site(warehouse_engine, inbox, "demo")
    begin_copy(warehouse_engine, now(warehouse_engine))
    with warehouse_engine.begin() as connection:
        for table in ("readings", "events", "signals"):
            connection.execute(text(f"create view marts_as_known.{table} as select * from raw_as_known.{table}"))
            connection.execute(text(f"grant select on marts_as_known.{table} to bi_reader"))
    with warehouse_engine.begin() as connection:
        connection.execute(text("set local role bi_reader"))
        found = [
            connection.scalar(text(f"select count(*) from marts_as_known.{table}"))
            for table in ("readings", "events", "signals")
        ]
        columns = {
            table: list(connection.execute(text(f"select * from marts_as_known.{table} limit 0")).keys())
            for table in ("readings", "events", "signals")
        }
    assert found == [1, 1, 1]
    for table, names in columns.items():
        with warehouse_engine.connect() as connection:
            function = connection.execute(text(f"select * from raw.{table}_as_known_at(now()) limit 0"))
        assert names == list(function.keys())
