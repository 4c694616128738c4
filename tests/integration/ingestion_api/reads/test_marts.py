"""The read API: real views, built by dbt over a real warehouse, behind a real API."""

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import Engine, insert, text

from tests.integration.ingestion_api.reads.rows import SIGNAL, START, add_readings
from warehouse import tables


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
