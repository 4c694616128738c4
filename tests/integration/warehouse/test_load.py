"""What loading stores, beside the rows that test_load_exactly_once.py is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ingestion_api.contract import RegistryChange
from warehouse.errors import PageInconsistent
from warehouse.load import LoadSummary, load_site

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)


class Killed(BaseException):
    """Stands for the end of a process."""


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def reading(value: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), "value": value, **more}


def test_page_that_fails_halfway_leaves_nothing(warehouse_engine: Engine, inbox: Any) -> None:
    """D3: rows, ledger, touched hours and cursor commit in one transaction."""
    inbox.add("readings", [reading(1.0)])

    class Unspeakable:
        def __getattr__(self, name: str) -> Any:
            if name == "credential":
                raise Killed
            return getattr(inbox.entries[0], name)

    real = inbox.pull

    class Faulty:
        pull_registry_changes = staticmethod(inbox.pull_registry_changes)
        pull_alarm_changes = staticmethod(inbox.pull_alarm_changes)

        def pull(self, kind: str, after: int) -> Any:
            page = real(kind, after)
            return type(page)(page.table, [Unspeakable()] * len(page.batches), page.next_cursor, page.has_more)

    with pytest.raises(Killed):
        load_site(warehouse_engine, Faulty(), "demo")  # type: ignore[arg-type]
    for table in ("readings", "loads", "batches", "touched_hours", "cursors", "signals"):
        assert rows(warehouse_engine, f"select count(*) from raw.{table}") == [(0,)], table


def test_revision_keeps_the_old_version_with_the_interval_of_belief(warehouse_engine: Engine, inbox: Any) -> None:
    """D4, S1-020: the old version was believed from recorded_at until superseded_at, when the new one was recorded."""
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    inbox.add("readings", [reading(2.0)])
    load_site(warehouse_engine, inbox, "demo")
    [(old, believed_from, believed_until)] = rows(
        warehouse_engine, "select value, recorded_at, superseded_at from raw.reading_revisions"
    )
    [(new, recorded_at)] = rows(warehouse_engine, "select value, recorded_at from raw.readings")
    assert (old, new) == (1.0, 2.0)
    assert believed_from < believed_until == recorded_at


def test_there_and_back_is_two_revisions(warehouse_engine: Engine, inbox: Any) -> None:
    inbox.add("readings", [reading(1.0), reading(2.0), reading(2.0), reading(1.0)])
    summary = load_site(warehouse_engine, inbox, "demo")
    assert (summary.inserted_count, summary.revised_count, summary.duplicate_count) == (1, 2, 1)
    assert rows(warehouse_engine, "select value, item_index from raw.readings") == [(1.0, 3)]
    kept = "select value, item_index from raw.reading_revisions order by item_index"
    assert rows(warehouse_engine, kept) == [(1.0, 0), (2.0, 1)]


@pytest.mark.parametrize(("old", "counted"), [(9.0, "revised"), (2.0, "duplicate"), (1.0, "duplicate")])
def test_version_that_arrives_after_a_newer_one_never_overwrites_it(
    old: float, counted: str, warehouse_engine: Engine, inbox: Any
) -> None:
    """C48: a replay may bring what was never loaded; it takes its place among the old versions."""
    inbox.add("readings", [reading(1.0)])
    inbox.add("readings", [reading(old)])
    inbox.add("readings", [reading(2.0)])
    inbox.hidden = {2}
    load_site(warehouse_engine, inbox, "demo")
    execute(warehouse_engine, "update raw.cursors set position = 0; update raw.touched_hours set rolled_up_count = 99")
    inbox.hidden = set()
    summary = load_site(warehouse_engine, inbox, "demo")
    assert rows(warehouse_engine, "select value, batch_seq from raw.readings") == [(2.0, 3)]
    filed = [(1.0, 1), (9.0, 2)] if counted == "revised" else [(1.0, 1)]
    assert rows(warehouse_engine, "select value, batch_seq from raw.reading_revisions order by 2") == filed
    assert (summary.inserted_count, summary.revised_count) == (0, 1 if counted == "revised" else 0)
    assert summary.duplicate_count == 3 - summary.revised_count
    assert rows(warehouse_engine, f"select {counted}_count from raw.batches where batch_seq = 2") == [(1,)]
    event_hour = "select touch_count from raw.touched_hours where hour = '2026-03-01 06:00+00'"
    assert rows(warehouse_engine, event_hour) == [(1,)]


def test_replay_from_the_beginning_changes_nothing_but_heals(warehouse_engine: Engine, inbox: Any) -> None:
    """C48: a site replayed from cursor 0 keeps its first ledger entries; rows that got lost come back."""
    inbox.add("readings", [reading(float(minute), minute) for minute in range(50)])
    inbox.add("readings", [reading(-1.0, 0), reading(1.0, 1)])
    load_site(warehouse_engine, inbox, "demo")
    before = rows(warehouse_engine, "select * from raw.batches order by batch_seq")
    touched = rows(warehouse_engine, "select hour, touch_count from raw.touched_hours order by 1")
    execute(warehouse_engine, "update raw.cursors set position = 0")
    again = load_site(warehouse_engine, inbox, "demo")
    assert (again.inserted_count, again.revised_count, again.duplicate_count) == (0, 0, 52)
    assert rows(warehouse_engine, "select * from raw.batches order by batch_seq") == before
    assert rows(warehouse_engine, "select hour, touch_count from raw.touched_hours order by 1") == touched

    execute(warehouse_engine, "delete from raw.readings where value = 7; update raw.cursors set position = 0")
    assert load_site(warehouse_engine, inbox, "demo").inserted_count == 1
    assert rows(warehouse_engine, "select count(*), sum(value) from raw.readings") == [(50, sum(range(50)) - 1)]
    assert rows(warehouse_engine, "select * from raw.batches order by batch_seq") == before


def test_signals_are_numbered_once_and_learn_their_unit(warehouse_engine: Engine, inbox: Any) -> None:
    inbox.add("readings", [reading(1.0, unit_code=None), reading(1.0, metric="flow", unit_code=None)])
    load_site(warehouse_engine, inbox, "demo")
    inbox.add("readings", [reading(2.0, 1, unit_code="bar"), reading(3.0, 2, unit_code=None)])
    load_site(warehouse_engine, inbox, "demo")
    load_site(warehouse_engine, inbox, "other")
    signals = rows(warehouse_engine, "select site_code, metric, unit_code from raw.signals order by signal_id")
    assert sorted(signals, key=str) == sorted(
        [("demo", "pressure", "bar"), ("demo", "flow", None), ("other", "pressure", "bar"), ("other", "flow", None)],
        key=str,
    )
    highest = rows(warehouse_engine, "select max(signal_id) from raw.signals")
    inbox.add("readings", [reading(4.0, 3), reading(5.0, 4, metric="speed")])
    load_site(warehouse_engine, inbox, "demo")
    assert rows(warehouse_engine, "select max(signal_id) from raw.signals") == [(highest[0][0] + 1,)]


def test_sites_do_not_meet(warehouse_engine: Engine, make_inbox: Any) -> None:
    for site in ("north", "south"):
        inbox = make_inbox()
        inbox.add("readings", [reading(1.0)])
        inbox.add("events", [{"event_time": T0}])
        assert load_site(warehouse_engine, inbox, site).inserted_count == 2
    assert rows(warehouse_engine, "select count(*) from raw.batches") == [(4,)]
    touched = "select site_code, hour, touch_count from raw.touched_hours where hour < '2026-03-02' order by 1, 2"
    before = T0 - timedelta(hours=1)
    expected = [(site, hour, count) for site in ("north", "south") for hour, count in ((before, 1), (T0, 2))]
    assert rows(warehouse_engine, touched) == expected


def test_lateness_counts_device_times_only(warehouse_engine: Engine, inbox: Any) -> None:
    """C15, C17: 60 minutes are late, an item without device time says nothing."""
    received = T0 + timedelta(hours=2)
    inbox.add(
        "readings", [reading(1.0, 60), reading(2.0, 61), {"event_time": None, "value": 3.0}], received_at=received
    )
    inbox.add("readings", [{"event_time": None, "value": 4.0, "metric": "flow"}], received_at=received)
    summary = load_site(warehouse_engine, inbox, "demo")
    assert summary.late_count == 1
    ledger = "select device_timed_count, late_count, lateness_p50_s, lateness_p95_s from raw.batches order by batch_seq"
    assert rows(warehouse_engine, ledger) == [(2, 1, 3570.0, pytest.approx(3540 + 0.95 * 60)), (0, 0, None, None)]


def test_ledger_keeps_what_the_inbox_tells(warehouse_engine: Engine, inbox: Any) -> None:
    inbox.add(
        "events", [], origin="release", credential="press-7", is_replay=True, quarantine_reasons={"unit_mismatch": 2}
    )
    load_site(warehouse_engine, inbox, "demo", dagster_run_id="run-1")
    ledger = """
        select origin, credential, is_replay, batches.item_count, accepted_count, quarantined_count,
            quarantine_reasons, batches.received_at, dagster_run_id
        from raw.batches join raw.loads using (load_id)"""
    assert rows(warehouse_engine, ledger) == [
        ("release", "press-7", True, 2, 0, 2, {"unit_mismatch": 2}, inbox.entries[0].received_at, "run-1")
    ]


def test_registry_changes_are_kept_in_order_once(warehouse_engine: Engine, inbox: Any) -> None:
    inbox.changes = [
        RegistryChange(
            change_seq=seq, entity="workers", code="worker-1", payload={"n": seq}, changed_by="key", changed_at=T0
        )
        for seq in range(1, 8)
    ]
    assert load_site(warehouse_engine, inbox, "demo").registry_change_count == 7
    execute(warehouse_engine, "update raw.cursors set position = 0 where kind = 'registry'")
    assert load_site(warehouse_engine, inbox, "demo").registry_change_count == 0
    stored = "select change_seq, payload ->> 'n', changed_by from raw.registry_changes order by 1"
    assert rows(warehouse_engine, stored) == [(seq, str(seq), "key") for seq in range(1, 8)]


def test_registry_that_does_not_move_on_is_refused(warehouse_engine: Engine, inbox: Any) -> None:
    stuck = [RegistryChange(change_seq=1, entity="sites", code="", payload={}, changed_by="key", changed_at=T0)]
    inbox.pull_registry_changes = lambda after: stuck
    with pytest.raises(PageInconsistent, match="Registry changes of site demo after 1 end at 1"):
        load_site(warehouse_engine, inbox, "demo")


def test_progress_is_told_after_each_page(warehouse_engine: Engine, inbox: Any) -> None:
    for minute in range(3):
        inbox.add("readings", [reading(1.0, minute)])
    inbox.max_items = 1
    told: list[LoadSummary] = []
    final = load_site(warehouse_engine, inbox, "demo", progress=told.append)
    assert [summary.inserted_count for summary in told] == [1, 2, 3]
    assert told[-1] == final


def test_nothing_new_writes_nothing(warehouse_engine: Engine, inbox: Any) -> None:
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    loads = rows(warehouse_engine, "select * from raw.loads")
    assert load_site(warehouse_engine, inbox, "demo") == LoadSummary("demo")
    assert rows(warehouse_engine, "select * from raw.loads") == loads


def test_page_that_contradicts_its_ledger_is_refused(warehouse_engine: Engine, inbox: Any) -> None:
    inbox.add("readings", [reading(1.0)])
    inbox.items[1].append({**inbox.items[1][0], "item_index": 1})
    with pytest.raises(PageInconsistent, match="announces 1 items in batch 1 and holds 2"):
        load_site(warehouse_engine, inbox, "demo")
    assert rows(warehouse_engine, "select count(*) from raw.readings") == [(0,)]


def test_a_poisoned_page_holds_up_what_follows_it_and_nothing_beside_it(warehouse_engine: Engine, inbox: Any) -> None:
    """D3: each kind has a cursor of its own. The page is mended in the API, and the next load goes on behind it."""
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    inbox.add("readings", [reading(2.0, minute=1)])
    inbox.add("events", [{"event_time": T0}])
    real, broken = inbox.pull, ValueError("batch 2 cannot be read")

    class Poisoned:
        pull_registry_changes = staticmethod(inbox.pull_registry_changes)
        pull_alarm_changes = staticmethod(inbox.pull_alarm_changes)

        def pull(self, kind: str, after: int) -> Any:
            if kind == "readings":
                raise broken
            return real(kind, after)

    for _ in range(2):
        with pytest.raises(ValueError, match="batch 2 cannot be read"):
            load_site(warehouse_engine, Poisoned(), "demo")  # type: ignore[arg-type]
        counts = "select (select count(*) from raw.readings), (select count(*) from raw.events)"
        assert rows(warehouse_engine, counts) == [(1, 1)]
    load_site(warehouse_engine, inbox, "demo")
    assert rows(warehouse_engine, counts) == [(2, 1)]


def test_all_that_failed_is_told(warehouse_engine: Engine, inbox: Any) -> None:
    class Down:
        def __getattr__(self, name: str) -> Any:
            def refuse(*_: Any) -> Any:
                raise ConnectionError(f"{name}: nobody answers")

            return refuse

    with pytest.raises(ConnectionError, match="pull_registry_changes") as caught:
        load_site(warehouse_engine, Down(), "demo")  # type: ignore[arg-type]
    assert caught.value.__notes__ == [
        "Beside it: pull: nobody answers",
        "Beside it: pull: nobody answers",
        "Beside it: pull_alarm_changes: nobody answers",
    ]
