"""What the sensors of loads see of the sites' APIs, and how far all is behind them, on a real warehouse and API."""

import asyncio
import threading
from typing import Any

import dagster as dg
import pytest
from dagster._core.loader import LoadingContextForTest
from sqlalchemy import text

from orchestration.pending import site_states


def test_a_site_that_does_not_answer_leaves_the_others_alone(plant: Any, api_address: str, free_port: int) -> None:
    """D3: a site's API may be far away and often unreachable."""
    from ingestion_api.client import IngestionClient
    from orchestration.defs.resources import SitesResource

    def connect(site_code: str) -> IngestionClient:
        return (
            SitesResource().client(site_code)
            if site_code == "demo"
            else IngestionClient(f"http://127.0.0.1:{free_port}", "")
        )

    here, gone = site_states(plant.engine, ["demo", "gone"], connect)
    assert here.error is None
    assert gone.error is not None
    assert not gone.is_behind


def test_any_number_of_silent_sites_cost_one_timeout_together(plant: Any, free_port: int) -> None:
    """A tick has 60 s: asked sixteen at a time, a hundred sites behind a cut line would take all of them."""
    from ingestion_api.client import IngestionClient

    everybody = threading.Barrier(40, timeout=30)

    def connect(_: str) -> IngestionClient:
        everybody.wait()
        return IngestionClient(f"http://127.0.0.1:{free_port}", "")

    states = site_states(plant.engine, [f"site-{number}" for number in range(40)], connect)
    assert all(state.error for state in states)


def test_an_inbox_that_is_older_than_its_warehouse_is_named(plant: Any) -> None:
    """docs/backup.md: batches that get the numbers again are never loaded, so somebody has to be told."""
    with plant.engine.begin() as connection:
        connection.execute(text("insert into raw.cursors values ('demo', 'events', 1000)"))
    message = plant.tick("on_new_batches").skip_message
    with plant.engine.begin() as connection:
        connection.execute(text("delete from raw.cursors where site_code = 'demo' and kind = 'events'"))
    assert "demo: more events are loaded than its ingestion API ever took in" in message


def test_an_api_that_is_down_is_named(plant: Any, monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv("MILLRACE_SITES", f'{{"demo": "http://127.0.0.1:{free_port}"}}')
    message = plant.tick("on_new_batches").skip_message
    assert "demo: its ingestion API does not answer" in message
    assert str(free_port) in message


def test_the_lag_is_measured_from_look_to_look(plant: Any, monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    """What the daemon reports from the tick are the checks' results and the numbers by site."""
    monkeypatch.setenv("MILLRACE_LAG_WARN_S", "0.001")
    with plant.engine.begin() as connection:
        connection.execute(
            text("""
                insert into raw.touched_hours (site_code, hour, touch_count, rolled_up_count, touched_at) values
                    ('demo', '2026-03-02 10:00+00', 2, 1, now() - interval '1 hour'),
                    ('demo', '2026-03-02 11:00+00', 1, 1, now() - interval '2 hours')
            """)
        )
    first = plant.tick("on_lag")
    monkeypatch.setenv("MILLRACE_SITES", f'{{"demo": "http://127.0.0.1:{free_port}"}}')
    plant.tick("on_lag")
    outcome = plant.tick("on_lag")
    with plant.engine.begin() as connection:
        connection.execute(text("delete from raw.touched_hours"))
    for event in outcome.asset_events:
        plant.instance.report_runless_asset_event(event)
    loads, rollups = (
        {name: value.value for name, value in event.metadata.items()}
        for event in outcome.asset_events
        if isinstance(event, dg.AssetObservation)
    )
    assert loads["silent_s"] > 0
    assert (rollups["rolled_up_hours"], rollups["summarized_hours"]) == (1, 1)
    assert 3_600 <= rollups["rolled_up_waiting_s"] < 3_700
    assert 7_200 <= rollups["summarized_waiting_s"] < 7_300
    checks = {event.check_name: event for event in outcome.asset_events if isinstance(event, dg.AssetCheckEvaluation)}
    assert {name: check.passed for name, check in checks.items()} == {"loads_keep_up": False, "rollups_keep_up": False}
    assert {check.severity for check in checks.values()} == {dg.AssetCheckSeverity.WARN}
    assert {
        event.check_name: event.passed for event in first.asset_events if isinstance(event, dg.AssetCheckEvaluation)
    }["loads_keep_up"]
    assert "demo: summarized_waiting_s 7,2" in outcome.skip_message


def test_what_is_said_of_lag_stands_after_the_next_load(plant: Any) -> None:
    """A check of an asset that loads materialize would be "Not evaluated" until the next look."""

    def is_shown(check: dg.AssetCheckKey) -> bool:
        (record,) = plant.instance.event_log_storage.get_latest_asset_check_execution_by_key([check]).values()
        return asyncio.run(record.targets_latest_materialization(LoadingContextForTest(plant.instance)))

    plant.api.put("sites", "demo", {"name": "Demo plant", "time_zone": "UTC"})
    batches = dg.AssetKey(["raw", "batches"])
    on_batches = dg.AssetCheckEvaluation(asset_key=batches, check_name="on_batches", passed=True)
    for event in (*plant.tick("on_lag").asset_events, on_batches):
        plant.instance.report_runless_asset_event(event)
    checks = [dg.AssetCheckKey(dg.AssetKey(["ops", "lag"]), name) for name in ("loads_keep_up", "rollups_keep_up")]
    every = [*checks, on_batches.asset_check_key]
    assert [is_shown(check) for check in every] == [True, True, True]
    assert [run.success for run in plant.follow("on_new_batches", "load")] == [True]
    assert plant.instance.get_latest_materialization_event(batches) is not None
    assert [is_shown(check) for check in every] == [True, True, False]


def test_a_site_is_loaded_by_one_run_at_a_time(plant: Any) -> None:
    from orchestration.definitions import defs

    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    (request,) = plant.tick("on_new_batches").run_requests
    assert (request.partition_key, request.tags["millrace/site"]) == ("demo", "demo")
    job = defs.resolve_job_def("load")
    run = plant.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    assert "demo: a load is under way" in plant.tick("on_new_batches").skip_message
    plant.instance.report_run_canceled(run)
