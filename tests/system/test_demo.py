"""The whole platform, started and used as a newcomer does: the demo on a small plant, then a reading pushed by hand."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest

SMALL_PLANT = ("--hours", "48")


@pytest.fixture(scope="module")
def demo(make_demo: Callable):
    demo = make_demo(*SMALL_PLANT)
    demo.start()
    demo.wait_done()
    return demo


def test_every_item_is_accounted_for(demo) -> None:
    """S1-055: whatever is sent late, twice or wrong, both sides of each sum agree."""
    sent, accepted, quarantined, repeated, loaded, revised, duplicates = demo.counts()
    assert sent == accepted + quarantined + repeated
    assert accepted == loaded + revised + duplicates
    assert min(accepted, quarantined, loaded, revised, duplicates) > 0
    stored = demo.query("select sum(accepted_count), sum(quarantined_count) from inbox.batches", "millrace_api")
    assert stored == [(accepted, quarantined)]
    rows = demo.query("select (select count(*) from raw.readings) + (select count(*) from raw.events)")
    assert rows == [(loaded,)]
    assert "≠" not in demo.said()


def test_the_marts_hold_what_was_loaded(demo) -> None:
    readings = demo.query("select count(*), count(distinct signal_id) from raw.readings")
    rolled_up = demo.query("select sum(reading_count), count(distinct signal_id) from marts.fct_sensor_readings_hourly")
    assert rolled_up == readings
    ratios = demo.query("select count(*) from marts.fct_worker_kpis_daily where utilization_elapsed_pct > 100")
    assert ratios == [(0,)]


def test_failures_and_scrap_end_in_the_kpis_of_iso_22400(demo) -> None:
    told = demo.query("""select event_type, count(*) > 0 from raw.events
        where event_type in ('down', 'scrap_count') group by event_type order by event_type""")
    assert told == [("down", True), ("scrap_count", True)]
    figures = """select count(*) > 0, bool_and(oee_index between 0 and 1), bool_or(scrap_quantity > 0),
        bool_or(failure_delay_time_s > 0) from marts.fct_work_unit_iso22400_daily where oee_index is not null"""
    assert demo.query(figures) == [(True, True, True, True)]
    assert demo.query("select bool_or(mtbf_h > 0 and mttr_h > 0) from marts.fct_work_unit_reliability_daily") == [
        (True,)
    ]


def test_sinking_confidence_ends_in_a_retrained_model(demo) -> None:
    """S1-062, S1-063: a drift episode is answered by exactly one training."""
    decisions = demo.query("select trigger, is_promoted, episode_id from ml.promotions order by promotion_id")
    assert decisions[0] == ("initial", True, None)
    answered = [episode for trigger, _, episode in decisions if trigger == "drift"]
    episodes = demo.query("select episode_id from ml.drift_episodes")
    assert sorted(answered) == sorted(episode for (episode,) in episodes)
    assert answered
    assert re.search(r"Model anomaly-pump v1 \(initial\): promoted", demo.said())


def test_every_run_went_well(demo) -> None:
    """What a run stored is no proof that it ended well: a training may promote a model and then fail."""
    query = "{runsOrError(limit: 500) {... on Runs {results {jobName status}}}}"
    answer = httpx.post(demo.url("DAGSTER") + "/graphql", json={"query": query}, trust_env=False)
    runs = answer.json()["data"]["runsOrError"]["results"]
    assert {run["jobName"] for run in runs} >= {"load", "reference", "hourly_rollup", "daily_kpis", "training"}
    assert [run for run in runs if run["status"] in ("FAILURE", "CANCELED")] == []


def test_the_bearing_fault_shows_in_the_scores(demo) -> None:
    share = """select avg(is_anomaly::int) from ml.scores where equipment_code {} 'P3'
        and event_time > (select max(event_time) - interval '4 hours' from ml.scores)"""
    ((faulty,),) = demo.query(share.format("="))
    ((sound,),) = demo.query(share.format("<>"))
    assert faulty > 0.5 > 0.25 > sound


def test_a_reading_pushed_by_hand_ends_in_a_mart(demo) -> None:
    """A worker's morning with round numbers: 45 min working, 15 min idle, 90 units (S1-024, S1-025, S3-012..016)."""
    start = (datetime.now(UTC) - timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    common = {"source_code": "HAND", "worker_code": "W900", "work_unit_code": "BENCH", "confidence": 0.95}
    events = [
        {**common, "event_type": "working", "event_time": start.isoformat(), "duration_s": 2700, "units_produced": 90},
        {
            **common,
            "event_type": "idle",
            "event_time": (start + timedelta(seconds=2700)).isoformat(),
            "duration_s": 900,
        },
    ]
    headers = {"Authorization": f"Bearer {demo.key('edge')}"}
    with httpx.Client(base_url=demo.url("API"), headers=headers, trust_env=False) as api:
        assert api.put("/api/v1/work-units/BENCH", json={"name": "Bench"}).is_success
        assert api.put("/api/v1/workers/W900", json={"department": "Test"}).is_success
        answer = api.post("/api/v1/events", json=events)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (2, 0)
    kpi = """select working_h, idle_h, elapsed_h, units_produced, utilization_elapsed_pct, throughput_rate
        from marts.fct_worker_kpis_daily where worker_code = 'W900'"""
    ((*figures,),) = demo.wait_for(lambda: demo.query(kpi), "the worker's KPIs", 300)
    assert [float(figure) for figure in figures] == [0.75, 0.25, 1.0, 90.0, 75.0, 120.0]


def test_the_pages_answer(demo) -> None:
    for page in (demo.url("DAGSTER"), demo.url("MLFLOW"), demo.url("API") + "/docs", demo.url("API") + "/openapi.json"):
        assert httpx.get(page, trust_env=False, follow_redirects=True).status_code == 200, page


def test_interrupting_stops_everything_it_started(demo) -> None:
    running = [process for process in psutil.process_iter(["cmdline"]) if is_of(demo, process)]
    assert len(running) > 5
    demo.interrupt()
    deadline = time.monotonic() + 20
    while left := [p for p in psutil.process_iter(["cmdline"]) if is_of(demo, p)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def is_of(demo, process: psutil.Process) -> bool:
    try:
        return demo.process.pid != process.pid and process.environ().get("MILLRACE_DATA_DIR", "").startswith(
            str(demo.home)
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
