"""The marts of data quality and model health, from a ledger and events that were worked out by hand."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text

from ml.drift import _streams
from warehouse import tables

HOUR = timedelta(hours=1)
NIGHT = datetime(2026, 3, 2, 22, tzinfo=UTC)  # in Berlin the next hour is another date
SITE = "berlin"
MODELS = ("tag:reference", "+fct_confidence_daily", "fct_data_quality_hourly", "fct_data_quality_daily")
Rows = Callable[[str], list[tuple[Any, ...]]]


def events(hour: datetime, source: str, work_unit: str, confidence: float, count: int) -> list[dict[str, Any]]:
    """Events of an hour, all of one confidence."""
    common = {"site_code": SITE, "source_code": source, "work_unit_code": work_unit, "event_type": "working"}
    common |= {"worker_code": "", "confidence": confidence, "is_server_time": False}
    common |= {"item_index": 0, "batch_seq": 1, "load_id": 1}
    times = [hour + n * timedelta(seconds=60) for n in range(count)]
    return [{**common, "event_time": at, "received_at": at, "recorded_at": at} for at in times]


def batch(seq: int, count: int, reasons: dict[str, int], p50_s: float | None, **more: Any) -> dict[str, Any]:
    """A batch of the ledger whose accepted items are all new and punctual unless `more` says otherwise."""
    accepted = count - sum(reasons.values())
    counts = {"item_count": count, "accepted_count": accepted, "quarantined_count": sum(reasons.values())}
    counts |= {"inserted_count": accepted, "revised_count": 0, "duplicate_count": 0, "late_count": 0}
    lateness = {"device_timed_count": accepted, "lateness_p50_s": p50_s, "lateness_p95_s": p50_s}
    about = {"site_code": SITE, "batch_seq": seq, "batch_id": uuid.UUID(int=seq), "kind": "events", "origin": "push"}
    about |= {"credential": "gate", "is_replay": False, "load_id": 1, "received_at": NIGHT}
    return {**about, **counts, **lateness, "quarantine_reasons": reasons, **more}


BATCHES = [
    batch(1, 40, {"malformed_item": 1, "unknown_worker": 2}, 10.0),
    batch(2, 50, {"value_not_finite": 4}, 20.0, duplicate_count=4, inserted_count=42),
    batch(3, 10, {}, 4000.0, late_count=10),
    # From a backlog: neither repeats nor lateness count.
    batch(4, 100, {"unit_mismatch": 3}, 90_000.0, is_replay=True, late_count=97),
]


def fill(connection: Connection) -> None:
    """Write the plant into raw, as the loader would."""
    connection.execute(
        insert(tables.warehouse_registry_changes),
        {"site_code": SITE, "change_seq": 1, "entity": "sites", "code": SITE, "changed_by": "test",
         "payload": {"name": SITE, "time_zone": "Europe/Berlin"}, "changed_at": NIGHT},
    )  # fmt: skip
    load = {"site_code": SITE, "kind": "events", "cursor_from": 0, "cursor_to": 4, "item_count": 200}
    load |= {"inserted_count": 0, "revised_count": 0, "duplicate_count": 0, "late_count": 0}
    connection.execute(insert(tables.loads), load)
    connection.execute(insert(tables.batches), BATCHES)
    connection.execute(insert(tables.events), events(NIGHT, "C1", "U1", 0.9, 30))
    connection.execute(insert(tables.events), events(NIGHT, "C2", "U1", 0.8, 30))
    connection.execute(insert(tables.events), events(NIGHT + HOUR, "C1", "U1", 0.6, 30))
    connection.execute(insert(tables.events), events(NIGHT + HOUR, "C2", "U2", 0.8, 30))


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


def test_the_five_dimensions(rows: Rows) -> None:
    """S0-059..063: of 200 items 1 lacks a field, 4 are not to be believed and 5 contradict the registry."""
    (found,) = rows("""
        select completeness_pct, validity_pct, consistency_pct, uniqueness_pct, timeliness_pct, invalid_pct
        from marts.fct_data_quality_hourly
    """)
    # Live: 4 of 100 are repeats, and 10 of the 93 accepted ones came late.
    assert found == tuple(map(Decimal, ("99.5000", "98.0000", "97.5000", "96.0000", "89.2473", "5.0000")))


def test_thresholds_and_lateness(rows: Rows) -> None:
    """S0-064..066, C17: half of the 93 live items stay within the 20 s of the second batch, 95 % within 4000 s."""
    (found,) = rows("""
        select lateness_p50_s, lateness_p95_s, is_invalid_rate_met, is_duplicate_rate_met, is_lateness_met
        from marts.fct_data_quality_hourly
    """)
    assert found == (20, 4000, True, True, False)


def test_the_site_and_date_are_judged_by_the_same_rules(rows: Rows) -> None:
    """C48, S3-038: per source and hour, and per site and date."""
    rates = "completeness_pct, validity_pct, invalid_pct, duplicate_pct, late_pct, is_lateness_met"
    daily = rows(f"select date::text, source_count, new_event_count, {rates} from marts.fct_data_quality_daily")
    assert daily == [("2026-03-02", 1, 186, *row) for row in rows(f"select {rates} from marts.fct_data_quality_hourly")]


def test_the_heat_map_by_camera_and_by_work_unit(rows: Rows) -> None:
    """S1-058..061."""
    found = rows(f"""
        select subject_kind, subject_code, avg_confidence, sample_count, band
        from marts.fct_confidence_hourly where hour = '{NIGHT + HOUR}' order by 1, 2
    """)
    assert found == [
        ("site", SITE, Decimal("0.700000"), 60, "critical"),
        ("source", "C1", Decimal("0.600000"), 30, "critical"),
        ("source", "C2", Decimal("0.800000"), 30, "warning"),
        ("work_unit", "U1", Decimal("0.600000"), 30, "critical"),
        ("work_unit", "U2", Decimal("0.800000"), 30, "warning"),
    ]


def test_falls_of_an_hour(rows: Rows) -> None:
    """S1-063, C9: C1 falls by 0.3, a third; U1, which lost its surer camera, from 0.85; U2 has no hour before."""
    found = rows(f"""
        select subject_kind, subject_code, confidence_fall, confidence_fall_ratio, is_fall
        from marts.fct_confidence_hourly where hour = '{NIGHT + HOUR}' order by 1, 2
    """)
    assert found == [
        ("site", SITE, Decimal("0.150000"), Decimal("0.176471"), True),
        ("source", "C1", Decimal("0.300000"), Decimal("0.333333"), True),
        ("source", "C2", Decimal("0.000000"), Decimal("0.000000"), False),
        ("work_unit", "U1", Decimal("0.250000"), Decimal("0.294118"), True),
        ("work_unit", "U2", None, None, None),
    ]


def test_the_week_by_camera(rows: Rows) -> None:
    """S1-057: 30 of 0.9 and 30 of 0.6 average 0.75."""
    found = rows("""
        select date::text, avg_confidence, avg_confidence_7d, fall_count, band_7d from marts.fct_confidence_daily
        where subject_kind = 'source' and subject_code = 'C1' order by date
    """)
    assert found == [
        ("2026-03-02", Decimal("0.900000"), Decimal("0.900000"), 0, "healthy"),
        ("2026-03-03", Decimal("0.600000"), Decimal("0.750000"), 1, "warning"),
    ]


def test_the_site_is_what_drift_is_detected_on(own_engine: Engine, rows: Rows) -> None:
    """S1-062: the mart shows the very means that ml.drift judges."""
    with own_engine.begin() as connection:
        connection.execute(
            text("insert into marts.dim_equipment values (:site, 'P1', 'Pump', 'pump', null, now(), now())"),
            {"site": SITE},
        )
        ((_, hours),) = [(stream, list(members)) for stream, members in _streams(connection)]
        connection.rollback()
    shown = rows("""
        select hour, avg_confidence::float, sample_count from marts.fct_confidence_hourly where subject_kind = 'site'
    """)
    assert sorted((hour.hour, round(hour.mean, 6), hour.sample_count) for hour in hours) == sorted(shown)


def test_an_event_that_comes_late_changes_the_fall_of_the_next_date(
    own_engine: Engine, dbt: Any, rows: Rows, snapshot: Callable[[Connection], dict[str, list[str]]]
) -> None:
    """D6: midnight lies between the two hours; building the first date builds the first hour of the next along."""
    query = f"""
        select previous_sample_count, is_fall from marts.fct_confidence_hourly
        where hour = '{NIGHT + HOUR}' and subject_kind = 'work_unit' and subject_code = 'U2'
    """
    assert rows(query) == [(None, None)]
    with own_engine.begin() as connection:
        connection.execute(insert(tables.events), events(NIGHT, "C3", "U2", 0.9, 30))
    monday = date(2026, 3, 2)
    dbt("run", "--select", "tag:daily,+fct_confidence_daily", start_date=monday, end_date=monday + timedelta(days=1))
    assert rows(query) == [(30, True)]
    with own_engine.connect() as connection:
        piecewise = snapshot(connection)
    dbt("run", "--full-refresh", "--select", *MODELS)
    with own_engine.connect() as connection:
        assert snapshot(connection) == piecewise
