"""Every mart, from a small plant whose figures were worked out by hand, built by `dbt build` with all its tests."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import ProgrammingError

from warehouse import tables
from warehouse.engine import create_engine
from warehouse.migrate import migrate

DAY = datetime(2026, 3, 2, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
BERLIN, PUNE = "berlin", "pune"


def at(clock: str) -> datetime:
    """UTC on the day, such as 06:30 or 10:59:59."""
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return DAY + timedelta(hours=hour, minutes=minute, seconds=second[0] if second else 0)


def event(
    clock: str, event_type: str, worker_code: str = "W1", work_unit_code: str = "", **more: Any
) -> dict[str, Any]:
    """An event seen by a camera in Berlin, not its classifier's guess unless it has a confidence."""
    stamps = {"received_at": at(clock), "recorded_at": at(clock)}
    common = {"site_code": BERLIN, "source_code": "C1", "is_server_time": False, "item_index": 0, "batch_seq": 1}
    optional = {"duration_s": None, "units_produced": None, "confidence": None}
    return common | optional | stamps | {
        "load_id": 1, "event_time": at(clock), "event_type": event_type, "worker_code": worker_code,
        "work_unit_code": work_unit_code,
    } | more  # fmt: skip


EVENTS = [
    event("06:00", "working", work_unit_code="U1", duration_s=7200, units_produced=40),
    # Under the gate: no absence and no units, but the classifier's health (C8).
    event("06:30", "absent", work_unit_code="U1", duration_s=7200, units_produced=1000, confidence=0.5),
    event("08:00", "idle", work_unit_code="U1", duration_s=1800),
    event("08:30", "working", work_unit_code="U2", duration_s=5400, units_produced=30),
    event("10:00", "absent", work_unit_code="U2", duration_s=1800),
    # Without a duration: idle until the next event, working for 15 minutes, then unknown for 15 (C12).
    event("10:30", "idle", work_unit_code="U2"),
    event("10:45", "working", work_unit_code="U2"),
    event("11:15", "working", work_unit_code="U2", duration_s=2700),
    event("11:00", "product_count", work_unit_code="U2", units_produced=16),
    event("11:44:59", "product_count", work_unit_code="U2", units_produced=2),
    event("11:50", "product_count", work_unit_code="U2", units_produced=2),
    # Two cameras disagree for a quarter of an hour: the later state holds, then the earlier one goes on.
    event("07:00", "working", "W2", "U1", duration_s=3600, confidence=0.9),
    event("07:15", "idle", "W2", "U1", duration_s=900, confidence=0.8, source_code="C2"),
    event("07:45", "product_count", "W2", "U1", units_produced=10),
    # Half an hour on either side of midnight in Pune, five and a half hours ahead.
    event("18:00", "working", "W9", "U9", duration_s=3600, site_code=PUNE),
    event("18:29:59", "product_count", "W9", "U9", units_produced=5, site_code=PUNE),
    event("18:30", "product_count", "W9", "U9", units_produced=7, site_code=PUNE),
]
READINGS = [
    # clock, value, quality; 0.7 as a 4-byte float is a little less than 0.7
    ("10:00", 1.0, 1.0), ("10:20", 2.0, 1.0), ("10:40", 3.0, 0.7), ("10:50", 50.0, 0.69),
    ("11:00", 1e300, 1.0), ("11:10", -1e300, 1.0), ("11:20", 7.0, 1.0),
]  # fmt: skip
REGISTRY: list[tuple[str, str, str, dict[str, Any]]] = [
    (BERLIN, "sites", BERLIN, {"name": "Berlin", "time_zone": "Europe/Berlin"}),
    (PUNE, "sites", PUNE, {"name": "Pune", "time_zone": "Asia/Kolkata"}),
    (BERLIN, "work_units", "U1", {"name": "Press", "work_center_code": "L1", "target_units_per_h": 25}),
    (BERLIN, "work_units", "U2", {"name": "Lathe", "work_center_code": None, "target_units_per_h": None}),
    (BERLIN, "workers", "W1", {"department": "A", "shift_code": "LATE"}),
    (BERLIN, "shifts", "LATE", {"name": "Late", "starts_at_local": "12:30", "ends_at_local": "20:30"}),
    (BERLIN, "equipment", "P1", {"name": "Pump", "equipment_class": "pump", "work_unit_code": "U1"}),
    # A later version: what is now is not what was then.
    (BERLIN, "work_units", "U1", {"name": "Press 1", "work_center_code": "L1", "target_units_per_h": 60}),
]


def fill(connection: Connection) -> None:
    """Write the plant into raw and ml, as the loader and the models would."""
    changes = [
        {"site_code": site, "change_seq": seq, "entity": entity, "code": code, "payload": payload, "changed_by": "test",
         "changed_at": DAY + timedelta(days=1, seconds=seq)}
        for seq, (site, entity, code, payload) in enumerate(REGISTRY)
    ]  # fmt: skip
    connection.execute(insert(tables.warehouse_registry_changes), changes)
    connection.execute(insert(tables.events), EVENTS)
    signal = {"site_code": BERLIN, "equipment_code": "P1", "metric": "temperature", "unit_code": "Cel"}
    signal_id = connection.scalar(insert(tables.signals).values(signal).returning(tables.signals.c.signal_id))
    common = {"signal_id": signal_id, "item_index": 0, "is_server_time": False, "batch_seq": 1, "load_id": 1}
    connection.execute(
        insert(tables.readings),
        [
            {**common, "event_time": at(c), "value": v, "quality": q, "received_at": at(c), "recorded_at": at(c)}
            for c, v, q in READINGS
        ],
    )
    promotion = {"champion_version": None, "reason": "", "trigger": "initial", "metrics": {}, "mlflow_run_id": "r"}
    promotion |= {"model_name": "anomaly-pump"}
    versions = [(1, True), (2, True), (3, False)]
    connection.execute(
        insert(tables.promotions),
        [{**promotion, "challenger_version": v, "is_promoted": promoted} for v, promoted in versions],
    )
    score = {"site_code": BERLIN, "equipment_code": "P1", "model_name": "anomaly-pump", "score": 1, "threshold": 2}
    score |= {"is_anomaly": False}
    confidences = [("10:00", 1, 0.5), ("10:00", 2, 0.75), ("10:30", 2, 0.85), ("10:00", 3, 0.1), ("11:00", 1, 0.9)]
    connection.execute(
        insert(tables.scores),
        [{**score, "event_time": at(c), "model_version": v, "confidence": x} for c, v, x in confidences],
    )


@pytest.fixture(scope="module")
def warehouse(postgres: Any) -> Iterator[str]:
    name = f"test_kpis_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    yield url
    postgres.drop(name)


@pytest.fixture(scope="module")
def engine(warehouse: str) -> Iterator[Engine]:
    engine = create_engine(warehouse)
    with engine.begin() as connection:
        fill(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def dbt(warehouse: str, engine: Engine, start_dbt: Callable[[str], Any]) -> Any:
    dbt = start_dbt(warehouse)
    dbt("build")
    return dbt


@pytest.fixture
def rows(engine: Engine, dbt: Any) -> Callable[[str], list[dict[str, Any]]]:
    def rows(query: str) -> list[dict[str, Any]]:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    return rows


def exactly(**figures: float | str) -> dict[str, Any]:
    """Figures as the marts hold them: decimals, compared without a tolerance."""
    return {name: Decimal(figure) if isinstance(figure, str) else figure for name, figure in figures.items()}


def test_worker_kpis(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """S1-024, S1-025, S1-026, S3-012..016: six hours, of them 4.5 working, 0.75 idle, 0.5 absent and 0.25 unknown."""
    (w1, w2) = rows(f"""
        select working_h, idle_h, absent_h, observed_h, elapsed_h, units_produced, utilization_elapsed_pct,
            utilization_observed_pct, presence_pct, throughput_rate
        from marts.fct_worker_kpis_daily where site_code = '{BERLIN}' order by worker_code
    """)
    assert w1 == exactly(
        working_h="4.5", idle_h="0.75", absent_h="0.5", observed_h="5.75", elapsed_h="6", units_produced=90,
        utilization_elapsed_pct="75", utilization_observed_pct="78.2609", presence_pct="91.6667", throughput_rate="20",
    )  # fmt: skip
    assert w2 == exactly(
        working_h="0.75", idle_h="0.25", absent_h="0", observed_h="1", elapsed_h="1", units_produced=10,
        utilization_elapsed_pct="75", utilization_observed_pct="75", presence_pct="100", throughput_rate="13.333333",
    )  # fmt: skip


def test_worker_hours_with_a_gap(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """C12: a state without a duration is believed for 15 minutes, the rest of the hour is unknown."""
    found = rows(f"""
        select extract(hour from hour)::int as hour, working_s, idle_s, absent_s, unknown_s, units_produced
        from marts.fct_worker_hours
        where site_code = '{BERLIN}' and worker_code = 'W1' and hour >= '{at("10:00")}' order by hour
    """)
    assert found == [
        {"hour": 10, "working_s": 900, "idle_s": 900, "absent_s": 1800, "unknown_s": 0, "units_produced": 0},
        {"hour": 11, "working_s": 2700, "idle_s": 0, "absent_s": 0, "unknown_s": 900, "units_produced": 20},
    ]


def test_work_unit_kpis(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """S1-027, S1-028, S1-030: two workers at once occupy U1 once; its target is the one in force on the date."""
    (u1, u2) = rows(f"""
        select occupancy_h, window_h, occupancy_ratio, units_produced, efficiency_rate, target_units,
            target_variance_units, target_variance_pct
        from marts.fct_work_unit_kpis_daily where site_code = '{BERLIN}' order by work_unit_code
    """)
    assert u1 == exactly(
        occupancy_h="2.5", window_h="2.5", occupancy_ratio="1", units_produced=50, efficiency_rate="20",
        target_units="62.5", target_variance_units="-12.5", target_variance_pct="-20",
    )  # fmt: skip
    assert u2 == exactly(
        occupancy_h="2.75", window_h="3.5", occupancy_ratio="0.785714", units_produced=50, efficiency_rate="18.181818"
    ) | {"target_units": None, "target_variance_units": None, "target_variance_pct": None}


def test_work_unit_hours(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """At 7 o'clock one of two is working all the time, at 8 the one who is there is idle."""
    found = rows("""
        select occupied_s, working_s, idle_s, units_produced, target_units_per_h
        from marts.fct_work_unit_hours where work_unit_code = 'U1' order by hour
    """)
    assert found == [
        exactly(occupied_s=3600, working_s=3600, idle_s=0, units_produced=40, target_units_per_h=25),
        exactly(occupied_s=3600, working_s=3600, idle_s=0, units_produced=10, target_units_per_h=25),
        exactly(occupied_s=1800, working_s=0, idle_s=1800, units_produced=0, target_units_per_h=25),
    ]


def test_site_kpis(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """S1-029: each worker counts once, though W1 was there six times as long."""
    (found,) = rows(f"""
        select date, worker_count, utilization_pct, units_produced, working_h
        from marts.fct_site_kpis_daily where site_code = '{BERLIN}'
    """)
    assert found == exactly(worker_count=2, utilization_pct="75", units_produced=100, working_h="5.25") | {
        "date": MONDAY
    }


def test_shift_handover(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """S1-031: 16 units in the hour before 12:30 in Berlin, 2 in the quarter of an hour after, so 8 an hour."""
    (found,) = rows("select date, handover_at, units_before, units_after, dip_pct from marts.fct_shift_handovers_daily")
    assert found == exactly(units_before=16, units_after=2, dip_pct="50") | {"date": MONDAY, "handover_at": at("11:30")}


def test_days_begin_at_local_midnight_at_half_past_the_hour(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """D5: 18:30 UTC is midnight in Pune."""
    found = rows(f"""
        select date, working_h, elapsed_h, units_produced from marts.fct_worker_kpis_daily
        where site_code = '{PUNE}' order by date
    """)
    half = exactly(working_h="0.5", elapsed_h="0.5")
    assert found == [
        half | {"date": MONDAY, "units_produced": 5},
        half | {"date": MONDAY + timedelta(days=1), "units_produced": 7},
    ]
    units = rows(f"select date, occupancy_h from marts.fct_work_unit_kpis_daily where site_code = '{PUNE}'")
    assert [row["occupancy_h"] for row in units] == [Decimal("0.5")] * 2


def test_readings_by_hour(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """S0-037, S4-014: bad readings count and take no part; a value that would overflow the deviation is bad."""
    found = rows("""
        select unit_code, reading_count, good_count, avg_value, min_value, max_value, stddev_value, good_pct
        from marts.fct_sensor_readings_hourly order by hour
    """)
    assert found == [
        exactly(reading_count=4, good_count=3, avg_value=2.0, min_value=1.0, max_value=3.0, stddev_value=1.0,
                good_pct="75") | {"unit_code": "Cel"},
        exactly(reading_count=3, good_count=1, avg_value=7.0, min_value=7.0, max_value=7.0, good_pct="33.3333")
        | {"unit_code": "Cel", "stddev_value": None},
    ]  # fmt: skip


def test_model_health(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """S1-059..061, C8: events under the gate count; of the champions that scored an hour the last one does."""
    found = rows("""
        select stream, subject_code, model_version, avg_confidence, sample_count, band
        from marts.fct_model_health_hourly order by stream, subject_code, hour
    """)
    assert [tuple(row.values()) for row in found] == [
        ("champion", "P1", 2, Decimal("0.8"), 2, "warning"),
        ("champion", "P1", 1, Decimal("0.9"), 1, "healthy"),
        ("edge_classifier", "U1", None, Decimal("0.5"), 1, "critical"),
        ("edge_classifier", "U1", None, Decimal("0.85"), 2, "warning"),
    ]
    (champion, edge) = rows("""
        select avg_confidence, sample_count, avg_confidence_7d, band from marts.fct_model_health_daily order by stream
    """)
    assert champion == exactly(avg_confidence="0.833333", sample_count=3, avg_confidence_7d="0.833333") | {
        "band": "warning"
    }
    assert edge == exactly(avg_confidence="0.733333", sample_count=3, avg_confidence_7d="0.733333") | {
        "band": "critical"
    }


def test_features_are_good_readings(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    found = rows("select equipment_class, value from marts.features_equipment_readings order by event_time")
    assert [tuple(row.values()) for row in found] == [("pump", value) for value in (1.0, 2.0, 3.0, 7.0)]


def test_conditions_on_features_reach_the_primary_key(engine: Engine, dbt: Any) -> None:
    """Equipment and time narrow the readings by their key where there are many: the view computes nothing before."""
    with engine.connect() as connection:
        connection.execute(
            text("""
                insert into raw.signals (site_code, equipment_code, metric)
                select 'berlin', 'E' || equipment, 'm' || metric
                from generate_series(1, 200) as equipment cross join generate_series(1, 3) as metric
            """)
        )
        connection.execute(
            text("""
                insert into raw.readings select signal_id, 0, false,
                    timestamptz '2026-03-02T09:00Z' + minute * interval '1 minute', 0, 1, 1, 1, now(), now()
                from raw.signals cross join generate_series(1, 200) as minute where equipment_code <> 'P1'
            """)
        )
        connection.execute(text("analyze raw.signals, raw.readings"))
        plan = "\n".join(
            connection.scalars(
                text(f"""
                    explain select * from marts.features_equipment_readings
                    where equipment_code = 'E7' and event_time >= '{at("10:00")}' and event_time < '{at("11:30")}'
                """)
            )
        )
        connection.rollback()
    (condition,) = [line for line in plan.splitlines() if "Index Cond" in line and "event_time" in line]
    assert "signal_id = " in condition, plan


def test_analysts_read_marts_and_nothing_else(engine: Engine, dbt: Any) -> None:
    with engine.connect() as connection:
        connection.execute(text("set role bi_reader"))
        assert connection.scalar(text("select count(*) from marts.fct_worker_kpis_daily")) == 4
        assert connection.scalar(text("select count(*) from marts.features_equipment_readings")) == 4
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("select * from intermediate.int_states_resolved"))


def test_every_column_of_every_mart_is_explained_in_the_database(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    columns = """
        select attrelid::regclass::text || '.' || attname as name from pg_attribute
        where attrelid in (
            select oid from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v')
        ) and attnum > 0 and not attisdropped and {} order by 1
    """
    assert rows(columns.format("col_description(attrelid, attnum) is null")) == []
    assert len(rows(columns.format("true"))) > 100


def test_building_twice_changes_nothing(engine: Engine, dbt: Any, snapshot: Callable[[Connection], Any]) -> None:
    with engine.connect() as connection:
        before = snapshot(connection)
    dbt("build", "--exclude-resource-type", "unit_test", "--select", "tag:reference", "tag:hourly", "tag:daily",
        start_hour=at("06:00").isoformat(), end_hour=at("09:00").isoformat(),
        start_date=MONDAY, end_date=MONDAY + timedelta(days=1))  # fmt: skip
    dbt("run")
    with engine.connect() as connection:
        assert snapshot(connection) == before


@pytest.mark.parametrize(
    ("arguments", "variables", "complaint"),
    [
        ([], {"start_hour": "2026-03-02T10:00:00Z"}, "go together"),
        ([], {"start_hour": "2026-03-02T10:30:00Z", "end_hour": "2026-03-02T11:00:00Z"}, "Give dates as"),
        ([], {"start_hour": "2026-03-02T10:00:00Z", "end_hour": "2026-03-02T10:00:00Z"}, "is empty"),
        (
            ["--full-refresh"],
            {"start_hour": "2026-03-02T10:00:00Z", "end_hour": "2026-03-02T11:00:00Z"},
            "--full-refresh would keep nothing",
        ),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    engine: Engine,
    dbt: Any,
    snapshot: Callable[[Connection], Any],
    arguments: list[str],
    variables: dict[str, str],
    complaint: str,
) -> None:
    with engine.connect() as connection:
        before = snapshot(connection)
    outcome = dbt.attempt("run", "--select", "tag:hourly", *arguments, **variables)
    assert not outcome.is_success
    assert complaint in "\n".join(outcome.messages)
    with engine.connect() as connection:
        assert snapshot(connection) == before


def test_the_later_of_two_overlapping_runs_sees_what_came_meanwhile(engine: Engine, dbt: Any) -> None:
    """A run waits for the one before it on the same table, and only then computes."""
    hour = at("15:00")
    with engine.connect() as connection:
        connection.execute(text("lock table intermediate.int_states_resolved in share row exclusive mode"))
        dbt.begin("run", "--select", "int_states_resolved+,tag:hourly",
                  start_hour=hour.isoformat(), end_hour=(hour + timedelta(hours=1)).isoformat())  # fmt: skip
        with engine.connect() as other:
            waiting = text("""
                select exists(
                    select from pg_locks where not granted and relation = 'intermediate.int_states_resolved'::regclass
                ) from pg_sleep(0.1)
            """)
            while not other.scalar(waiting):
                other.rollback()
            other.execute(insert(tables.events), [event("15:00", "working", "W7", duration_s=60)])
            other.commit()
        connection.rollback()
    assert dbt.end().is_success
    with engine.connect() as connection:
        found = connection.execute(text("select working_s from marts.fct_worker_hours where worker_code = 'W7'"))
        assert found.scalars().all() == [60]
