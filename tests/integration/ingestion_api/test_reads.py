"""The read API: real views, built by dbt over a real warehouse, behind a real API."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, insert, make_url, text

from warehouse import tables
from warehouse.engine import create_engine
from warehouse.migrate import migrate

PROJECT = Path(__file__).parents[3] / "dbt_project"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SIGNAL = {"equipment_code": "pump-1", "metric": "temperature"}
VIEWS = (
    "+fct_sensor_readings",
    "+fct_maintenance_events",
    "fct_ingest_batches",
    "fct_reading_versions",
    "fct_event_versions",
    "fct_site_freshness",
    "+fct_worker_kpis_daily",
    "+fct_model_health_hourly",
)


def add_readings(engine: Engine, *minutes: int) -> None:
    common = {"signal_id": 1, "item_index": 0, "is_server_time": False, "batch_seq": 1, "load_id": 1, "quality": 1}
    times = [START + timedelta(minutes=minute) for minute in minutes]
    rows = [{**common, "event_time": at, "value": 1.0, "received_at": at, "recorded_at": at} for at in times]
    with engine.begin() as connection:
        connection.execute(insert(tables.readings), rows)


def load(engine: Engine, receipt: dict[str, Any], inserted: int, revised: int, duplicate: int = 0) -> None:
    """Enter a batch into the ledger, all of it late."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                with load as (
                    insert into raw.loads (site_code, kind, cursor_from, cursor_to, item_count, inserted_count,
                        revised_count, duplicate_count, late_count)
                    values ('demo', :kind, 0, 1, :accepted, :inserted, :revised, :duplicate, :accepted)
                    returning load_id
                )
                insert into raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay,
                    item_count, accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count,
                    duplicate_count, device_timed_count, late_count, load_id, received_at)
                select 'demo', :batch_seq, :batch_id, :kind, 'push', 'reader', false, :accepted, :accepted, 0, '{}',
                    :inserted, :revised, :duplicate, :accepted, :accepted, load_id, now() from load
            """),
            {**receipt, "inserted": inserted, "revised": revised, "duplicate": duplicate},
        )


@pytest.fixture(scope="module")
def warehouse(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    name = f"test_reads_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    target = make_url(url)
    environment = {
        "MILLRACE_DBT_HOST": str(target.host),
        "MILLRACE_DBT_PORT": str(target.port),
        "MILLRACE_DBT_USER": str(target.username),
        "MILLRACE_DBT_PASSWORD": str(target.password),
        "MILLRACE_DBT_DATABASE": str(target.database),
    }
    project = str(PROJECT)
    scratch = str(tmp_path_factory.mktemp("dbt"))
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", scratch, "--log-path", scratch]
    untested = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    select = ["--select", "+stg_raw__readings", *VIEWS]
    subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--quiet", "build", *untested, *places, *select],
        env={**os.environ, **environment},
        check=True,
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(tables.signals).values(site_code="demo", **SIGNAL))
    add_readings(engine, *range(0, 100, 2))
    yield engine
    engine.dispose()
    postgres.drop(name)


@pytest.fixture(scope="module")
def reader(shared_plant: Any, warehouse: Engine) -> Iterator[httpx.Client]:
    """A client of an API that reads the warehouse."""
    url = warehouse.url.render_as_string(hide_password=False)
    api = type(shared_plant)(shared_plant.database_url, shared_plant.engine, warehouse_url=url)
    with api.running():
        headers = {"Authorization": f"Bearer {api.key('read', 'push_readings', 'push_events', name='reader')}"}
        with httpx.Client(base_url=api.url, headers=headers, timeout=30) as client:
            yield client


def test_pages_neither_repeat_nor_miss_while_rows_arrive(reader: httpx.Client, warehouse: Engine) -> None:
    """S2-029, S4-011: rows that come before and after the cursor between two pages change nothing of the others."""
    seen: list[str] = []
    path = f"/api/v1/readings?{httpx.QueryParams({**SIGNAL, 'limit': 7})}"
    minute = 1
    while path:
        answer = reader.get(path)
        assert answer.status_code == 200, answer.text
        seen += [item["event_time"] for item in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url", "")
        add_readings(warehouse, minute, 100 - minute)
        minute += 2
    expected = {(START + timedelta(minutes=even)).strftime("%Y-%m-%dT%H:%M:%SZ") for even in range(0, 100, 2)}
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    assert expected <= set(seen)


def test_what_a_client_holds_is_not_sent_again_until_a_load(reader: httpx.Client, warehouse: Engine) -> None:
    """C6: data_as_of, computed_at, ETag, 304."""
    query = {**SIGNAL, "limit": "3"}
    first = reader.get("/api/sensor-history", params=query)
    assert first.headers["cache-control"] == "private, max-age=60"
    assert first.json().keys() >= {"data_as_of", "computed_at"}
    held = reader.get("/api/v1/readings", params=query, headers={"If-None-Match": first.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


def test_model_health_is_the_documents_body(reader: httpx.Client, warehouse: Engine) -> None:
    """S1-056, to the byte; samples of hours are weighed by their count, and those a day older do not count."""
    hour = text("""
        insert into marts.fct_model_health_hourly
            (stream, site_code, subject_code, hour, date, avg_confidence, min_confidence, confidence_sum, sample_count,
             band)
        values ('edge_classifier', 'demo', 'S3', :hour, '2026-03-02', :sum / :count, 0.1, :sum, :count, 'healthy')
    """)
    with warehouse.begin() as connection:
        for ago_h, confidences, count in ((0, 27.45, 30), (5, 65.0, 70), (24, 1.0, 10)):
            connection.execute(hour, {"hour": START - timedelta(hours=ago_h), "sum": confidences, "count": count})
    answer = reader.get("/api/metrics/model-health")
    assert answer.content == (
        b'{"status":"Healthy","avg_confidence":0.9245,"samples":100,'
        b'"message":"Model confidence is within acceptable range"}'
    )
    held = {"If-None-Match": answer.headers["etag"]}
    assert reader.get("/api/v1/models/health", headers=held).status_code == 304
    nothing = reader.get("/api/v1/models/health?stream=champion").json()
    assert (nothing["status"], nothing["avg_confidence"], nothing["samples"]) == ("Unknown", None, 0)


@pytest.mark.parametrize(
    "path",
    [
        "kpis/workers",
        "kpis/workers/W114?from=2026-03-01&to=2026-03-09",
        "anomalies",
        "anomalies?equipment_code=pump-1",
        "maintenance-events?is_resolved=false&severity=low",
    ],
)
def test_lists_that_are_empty(reader: httpx.Client, path: str) -> None:
    answer = reader.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert reader.get("/metrics/workers/W114").json()["items"] == []


def test_kpis_go_by_page_day_and_worker(reader: httpx.Client, warehouse: Engine) -> None:
    """S3-011, C7, C10: the key's site alone, half-open days, decimals as numbers, null for no denominator."""
    row = text("""
        insert into marts.fct_worker_kpis_daily
            (site_code, worker_code, date, working_h, idle_h, absent_h, observed_h, elapsed_h, units_produced,
             utilization_elapsed_pct, throughput_rate)
        values (:site, :worker, :date, 6.5, 1, 0.5, 8, 24, 45, 27.0833, :rate)
    """)
    with warehouse.begin() as connection:
        for site, worker, day, rate in (
            ("demo", "W1", 1, 6.923077),
            ("demo", "W2", 1, None),
            ("demo", "W1", 2, 6.923077),
            ("demo", "W1", 3, 6.923077),
            ("elsewhere", "W1", 1, 6.923077),
        ):
            connection.execute(row, {"site": site, "worker": worker, "date": date(2026, 4, day), "rate": rate})
    days = {"from": "2026-04-01", "to": "2026-04-03"}
    first = reader.get("/api/v1/kpis/workers", params={**days, "limit": "2"})
    assert [(item["date"], item["worker_code"]) for item in first.json()["items"]] == [
        ("2026-04-01", "W1"),
        ("2026-04-01", "W2"),
    ]
    assert (first.json()["items"][0]["working_h"], first.json()["items"][1]["throughput_rate"]) == (6.5, None)
    last = reader.get(first.links["next"]["url"]).json()
    assert ([item["date"] for item in last["items"]], last["next_cursor"]) == (["2026-04-02"], None)
    one = reader.get("/metrics/workers/W1", params=days).json()
    assert [item["date"] for item in one["items"]] == ["2026-04-01", "2026-04-02"]


def test_maintenance_events_go_by_page_state_and_severity(reader: httpx.Client, warehouse: Engine) -> None:
    """S2-031, S2-042: what stands and what is over, each with its cost."""
    about = {"site_code": "demo", "rule_code": "hot", "metric": "bearing_temperature", "severity": "critical"}
    raised = about | {"transition": "raised", "value": 85.0, "changed_at": START}
    cleared = about | {"transition": "cleared", "value": 70.0, "changed_at": START + timedelta(minutes=9)}
    steps = [(1, "pump-1", raised), (2, "pump-2", raised), (2, "pump-2", cleared)]
    with warehouse.begin() as connection:
        connection.execute(
            text("""
                insert into marts.dim_equipment
                values ('demo', 'pump-1', 'Pump', 'pump', null, now(), now()),
                    ('demo', 'pump-2', 'Pump', 'pump', null, now(), now())
            """)
        )
        connection.execute(
            insert(tables.warehouse_alarm_changes),
            [{**step, "alarm_id": alarm, "equipment_code": equipment, "change_seq": seq}
             for seq, (alarm, equipment, step) in enumerate(steps)],
        )  # fmt: skip
    first = reader.get("/api/v1/maintenance-events", params={"limit": "1"})
    (event,) = first.json()["items"]
    assert (event["equipment_code"], event["event_type"], event["severity"]) == ("pump-1", "critical_alarm", "critical")
    assert (event["estimated_cost"], event["currency_code"], event["is_resolved"]) == (67500.0, "INR", False)
    (second,) = reader.get(first.links["next"]["url"]).json()["items"]
    assert (second["equipment_code"], second["resolved_at"]) == ("pump-2", "2026-03-02T10:09:00Z")

    def codes(**query: str) -> list[str]:
        items = reader.get("/api/maintenance-events", params=query).json()["items"]
        return [item["equipment_code"] for item in items]

    assert codes(is_resolved="true") == ["pump-2"]
    assert codes(is_resolved="false", severity="critical") == ["pump-1"]
    assert codes(severity="high") == codes(**{"from": "2026-03-02T10:00:01Z"}) == []
    assert codes(equipment_code="pump-2") == ["pump-2"]
    assert reader.get("/api/v1/maintenance-events?severity=severe").status_code == 400


def test_a_bad_cursor_is_refused(reader: httpx.Client) -> None:
    assert reader.get("/api/v1/kpis/workers?cursor=bad").status_code == 400


def test_a_mart_that_is_not_built_is_a_503_with_a_reason(reader: httpx.Client) -> None:
    answer = reader.get("/api/v1/kpis/site")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:millrace:problem:marts-unavailable")


def test_a_batch_is_pending_until_it_is_loaded(reader: httpx.Client, warehouse: Engine) -> None:
    """C4: accepted, duplicate, revised and late are known once the warehouse has it."""
    item = {**SIGNAL, "unit_code": "Cel", "value": 1.5, "event_time": START.isoformat()}
    receipt = reader.post("/api/v1/readings", json=[item]).json()
    path = f"/api/v1/batches/{receipt['batch_id']}"
    assert reader.get(path).json() == {**receipt, "settlement": {"status": "pending"}}
    load(warehouse, receipt, inserted=0, revised=1)
    settlement = reader.get(path).json()["settlement"]
    assert settlement.pop("loaded_at")
    counts = {"accepted": 0, "duplicate": 0, "revised": 1, "late": 1, "quarantined": 0}
    assert settlement == {"status": "settled", **counts}


def test_items_of_a_batch_are_told_one_by_one(reader: httpx.Client, warehouse: Engine) -> None:
    """D2: what is new, what replaced another version, what was held already, and what is in quarantine."""
    start = START + timedelta(days=1)
    times = [(start + timedelta(minutes=minute)).isoformat() for minute in range(4)]
    item = {**SIGNAL, "unit_code": "Cel", "value": 7.5}
    sent = [{**item, "event_time": at} for at in times] + [
        {**item, "equipment_code": "unknown", "event_time": times[0]}
    ]
    receipt = reader.post("/api/v1/readings", json=sent).json()
    path = f"/api/v1/batches/{receipt['batch_id']}/items"
    told = reader.get(path).json()["items"]
    assert [(one["index"], one["outcome"]) for one in told] == [
        *((index, "pending") for index in range(4)),
        (4, "quarantined"),
    ]
    assert told[4]["reason_code"] == "unknown_equipment"

    common = {
        "signal_id": 1,
        "is_server_time": False,
        "load_id": 1,
        "quality": 1,
        "received_at": start,
        "recorded_at": start,
    }

    def version(minute: int, batch_seq: int, item_index: int) -> dict[str, Any]:
        at = start + timedelta(minutes=minute)
        return {**common, "event_time": at, "value": 1.0, "batch_seq": batch_seq, "item_index": item_index}

    own, before = receipt["batch_seq"], receipt["batch_seq"] - 1
    with warehouse.begin() as connection:
        # 0 is new; 1 replaced an earlier batch's; 2 was held already; 3 was new, and has been replaced since.
        connection.execute(insert(tables.readings), [version(0, own, 0), version(1, own, 1), version(2, before, 8)])
        connection.execute(insert(tables.readings), [version(3, own + 1, 0)])
        replaced = [version(1, before, 9), version(3, own, 3)]
        connection.execute(insert(tables.reading_revisions), [{**one, "superseded_at": start} for one in replaced])
    load(warehouse, receipt, inserted=2, revised=1, duplicate=1)
    told = reader.get(path).json()["items"]
    assert [one["outcome"] for one in told] == ["accepted", "revised", "duplicate", "accepted", "quarantined"]
    assert [one.get("is_late", False) for one in told] == [True] * 4 + [False]


def test_events_are_told_one_by_one_too(reader: httpx.Client, warehouse: Engine) -> None:
    """An event of nobody at no place has a version like any other."""
    event = {"source_code": "camera-9", "event_type": "idle", "event_time": START.isoformat()}
    later = {**event, "event_time": (START + timedelta(hours=1)).isoformat()}
    receipt = reader.post("/api/v1/events", json=[event, later]).json()
    row = {**event, "event_time": START, "site_code": "demo", "is_server_time": False, "load_id": 1}
    row |= {"item_index": 0, "batch_seq": receipt["batch_seq"], "received_at": START, "recorded_at": START}
    with warehouse.begin() as connection:
        connection.execute(insert(tables.events), [row])
    load(warehouse, receipt, inserted=1, revised=0, duplicate=1)
    told = reader.get(f"/api/v1/batches/{receipt['batch_id']}/items").json()["items"]
    assert [one["outcome"] for one in told] == ["accepted", "duplicate"]


def test_how_ingestion_is_doing(reader: httpx.Client) -> None:
    """S2-032."""
    reader.post("/api/v1/readings", json=[{**SIGNAL, "value": 1.0}])
    told = reader.get("/api/system-health")
    assert (told.status_code, told.headers["link"]) == (200, '</api/v1/system-health>; rel="successor-version"')
    readings, events = told.json()["streams"]
    assert (readings["kind"], events["kind"]) == ("readings", "events")
    assert readings["items_last_minute"] >= readings["batches_last_minute"] >= 1
    assert readings["newest_batch_seq"] > 0
    assert told.json()["pool_connections"].keys() == {"size", "checked_out", "overflow"}
