"""ISO 22400 from events to marts, on a plant in Oslo (an hour ahead of UTC) whose figures were worked out by hand.

Planned are EARLY 06:00 to 14:00 and OVER 12:00 to 16:00, ten hours together: 05:00 to 15:00 UTC.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from plant import DAY, MONDAY, at, event, exactly
from sqlalchemy import insert, text

from warehouse import tables
from warehouse.engine import create_engine
from warehouse.migrate import migrate

OSLO, LIMA = "oslo", "lima"
TUESDAY, APRIL = date(2026, 3, 3), date(2026, 4, 1)
Rows = Callable[[str], list[dict[str, Any]]]


def oslo(clock: str, event_type: str, work_unit_code: str, worker_code: str = "", **more: Any) -> dict[str, Any]:
    """An event in Oslo; without a worker it is the work unit's."""
    return event(clock, event_type, worker_code, work_unit_code, **({"site_code": OSLO} | more))


def later(days: int, row: dict[str, Any]) -> dict[str, Any]:
    """The same event some days later."""
    return row | {"event_time": row["event_time"] + timedelta(days=days)}


EVENTS = [
    # M1: 5.5 h working and 50 min idle within the plan; an hour working outside it.
    oslo("05:00", "working", "M1", "W1", duration_s=14_400),
    oslo("08:00", "product_count", "M1", units_produced=100),
    oslo("09:00", "idle", "M1", "W1", duration_s=3_600),
    oslo("10:00", "working", "M1", "W1", duration_s=7_200, units_produced=65),
    oslo("10:00", "working", "M1", "W2", duration_s=3_600),
    oslo("10:30", "scrap_count", "M1", "W1", units_produced=33),
    oslo("16:00", "working", "M1", "W1", duration_s=3_600),
    oslo("16:30", "product_count", "M1", units_produced=30),
    oslo("16:30", "scrap_count", "M1", units_produced=3),
    # Told by a worker, who goes on working: down all the same, for half an hour.
    oslo("06:00", "down", "M1", "W1", duration_s=1_800),
    # Without a duration: until the next state of the work unit, not of the worker.
    oslo("09:30", "down", "M1"),
    oslo("09:40", "idle", "M1", duration_s=600),
    # Uncertain (C8): neither a failure nor scrap.
    oslo("07:00", "down", "M1", duration_s=3_600, confidence=0.5),
    oslo("07:00", "scrap_count", "M1", units_produced=1_000, confidence=0.5),
    # M3: five hours, half as fast as its target, half of it scrap.
    oslo("05:00", "working", "M3", "W3", duration_s=18_000, units_produced=50),
    oslo("08:00", "scrap_count", "M3", units_produced=25),
    # M2, no target: a failure over midnight in Oslo (23:00 UTC), told three times, is one; another at 02:00 UTC.
    oslo("20:00", "working", "M2", "W4", duration_s=10_200),
    oslo("22:50", "down", "M2"),
    oslo("23:00", "down", "M2"),
    oslo("23:10", "down", "M2"),
    oslo("23:20", "working", "M2", duration_s=600),
    later(1, oslo("02:00", "down", "M2", duration_s=3_600)),
    later(1, oslo("03:00", "working", "M2", "W4", duration_s=10_800)),
    # In a window that Tuesday is in and Monday is not.
    later(30, oslo("10:00", "working", "M2", "W4", duration_s=3_600)),
    # A site without shifts.
    oslo("12:00", "working", "X1", "W5", duration_s=3_600, units_produced=10, site_code=LIMA),
    oslo("13:00", "idle", "X1", "W5", duration_s=3_600, site_code=LIMA),
    oslo("13:00", "scrap_count", "X1", "W5", units_produced=1, site_code=LIMA),
]
REGISTRY: list[tuple[str, str, str, dict[str, Any]]] = [
    (OSLO, "sites", OSLO, {"name": "Oslo", "time_zone": "Europe/Oslo"}),
    (LIMA, "sites", LIMA, {"name": "Lima", "time_zone": "America/Lima"}),
    (OSLO, "shifts", "EARLY", {"name": "Early", "starts_at_local": "06:00", "ends_at_local": "14:00"}),
    (OSLO, "shifts", "OVER", {"name": "Overlap", "starts_at_local": "12:00", "ends_at_local": "16:00"}),
    (OSLO, "work_units", "M1", {"name": "Mill", "work_center_code": "L1", "target_units_per_h": 40}),
    (OSLO, "work_units", "M2", {"name": "Lathe", "work_center_code": "L2", "target_units_per_h": None}),
    (OSLO, "work_units", "M3", {"name": "Press", "work_center_code": "L1", "target_units_per_h": 20}),
    (LIMA, "work_units", "X1", {"name": "Saw", "work_center_code": None, "target_units_per_h": 40}),
]


@pytest.fixture(scope="module")
def iso(postgres: Any, start_dbt: Callable[[str], Any]) -> Iterator[Rows]:
    """Answers a query on the marts of Oslo, built with all tests of the data."""
    name = f"test_iso_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    engine = create_engine(url)
    changes = [
        {"site_code": site, "change_seq": seq, "entity": entity, "code": code, "payload": payload,
         "changed_by": "test", "changed_at": DAY}
        for seq, (site, entity, code, payload) in enumerate(REGISTRY)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(tables.warehouse_registry_changes), changes)
        connection.execute(insert(tables.events), EVENTS)
    dbt = start_dbt(url)
    dbt("build", "--exclude-resource-type", "unit_test")

    def rows(query: str) -> list[dict[str, Any]]:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    yield rows
    engine.dispose()
    postgres.drop(name)


def test_time_elements_of_a_work_unit(iso: Rows) -> None:
    """C10, C12: of 10 h planned 5.5 worked, 50 min idle, 40 min down; two at once work once, a failure ends work."""
    (m1,) = iso(f"""
        select work_center_code, planned_busy_time_s, actual_production_time_s, actual_unit_delay_time_s,
            failure_delay_time_s, actual_unit_busy_time_s, actual_unit_down_time_s, actual_order_execution_time_s,
            planned_run_time_per_item_s
        from marts.fct_work_unit_iso22400_daily where work_unit_code = 'M1' and date = '{MONDAY}'
    """)
    assert m1 == exactly(
        planned_busy_time_s=36_000, actual_production_time_s=19_800, actual_unit_delay_time_s=5_400,
        failure_delay_time_s=2_400, actual_unit_busy_time_s=25_200, actual_unit_down_time_s=10_800,
        actual_order_execution_time_s=25_200, planned_run_time_per_item_s=90,
    ) | {"work_center_code": "L1"}  # fmt: skip


def test_kpis_of_a_work_unit(iso: Rows) -> None:
    """C10: 165 units, 33 scrap, 90 s each: 0.55 × 0.75 × 0.8 = 0.33; 30 units after the plan are in none."""
    (m1,) = iso(f"""
        select produced_quantity, good_quantity, scrap_quantity, excess_scrap_quantity, availability, effectiveness,
            quality_ratio, oee_index, utilization_efficiency, throughput_rate, unplanned_production_time_s,
            unplanned_produced_quantity, unplanned_scrap_quantity
        from marts.fct_work_unit_iso22400_daily where work_unit_code = 'M1' and date = '{MONDAY}'
    """)
    assert m1 == exactly(
        produced_quantity=165, good_quantity=132, scrap_quantity=33, excess_scrap_quantity=0, availability="0.55",
        effectiveness="0.75", quality_ratio="0.8", oee_index="0.33", utilization_efficiency="0.785714",
        throughput_rate="23.571429", unplanned_production_time_s=3_600, unplanned_produced_quantity=30,
        unplanned_scrap_quantity=3,
    )  # fmt: skip


def test_shifts_that_overlap_each_count_whole(iso: Rows) -> None:
    """EARLY has 5.5 of its 8 hours, OVER one of its 4; nothing was produced in it, which is an OEE of 0."""
    found = iso("""
        select shift_code, planned_busy_time_s, actual_production_time_s, produced_quantity, availability,
            effectiveness, quality_ratio, oee_index
        from marts.fct_work_unit_iso22400_by_shift where work_unit_code = 'M1' order by shift_code
    """)
    assert found == [
        exactly(
            planned_busy_time_s=28_800, actual_production_time_s=19_800, produced_quantity=165, availability="0.6875",
            effectiveness="0.75", quality_ratio="0.8", oee_index="0.4125",
        ) | {"shift_code": "EARLY"},
        exactly(
            planned_busy_time_s=14_400, actual_production_time_s=3_600, produced_quantity=0, availability="0.25",
            effectiveness=0, oee_index=0,
        ) | {"shift_code": "OVER", "quality_ratio": None},
    ]  # fmt: skip


def test_without_shifts_there_is_no_availability(iso: Rows) -> None:
    (x1,) = iso(f"""
        select planned_busy_time_s, actual_production_time_s, actual_unit_down_time_s, availability, effectiveness,
            quality_ratio, oee_index, utilization_efficiency, unplanned_produced_quantity
        from marts.fct_work_unit_iso22400_daily where site_code = '{LIMA}'
    """)
    nothing = dict.fromkeys(["planned_busy_time_s", "actual_unit_down_time_s", "availability", "oee_index"])
    assert x1 == nothing | exactly(
        actual_production_time_s=3_600, effectiveness="0.25", quality_ratio="0.9", utilization_efficiency="0.5",
        unplanned_produced_quantity=0,
    )  # fmt: skip
    assert iso(f"select 1 from marts.fct_work_unit_iso22400_by_shift where site_code = '{LIMA}'") == []


def test_oee_of_a_line_and_a_site_is_of_sums(iso: Rows) -> None:
    """M1 and M3: 37,800 of 72,000 s, 23,850 s worth of units, 16,380 s of good ones. M2 has no target."""
    figures = """work_unit_count, left_out_work_unit_count, planned_busy_time_s, actual_production_time_s, availability,
        effectiveness, quality_ratio, oee_index"""
    expected = exactly(
        work_unit_count=2, planned_busy_time_s=72_000, actual_production_time_s=37_800, availability="0.525",
        effectiveness="0.630952", quality_ratio="0.686792", oee_index="0.2275",
    )  # fmt: skip
    (line,) = iso(f"select {figures} from marts.fct_line_oee_daily where work_center_code = 'L1'")
    assert line == expected | {"left_out_work_unit_count": 0}
    (site,) = iso(f"select {figures} from marts.fct_site_oee_daily where site_code = '{OSLO}' and date = '{MONDAY}'")
    assert site == expected | {"left_out_work_unit_count": 1}


def test_a_failure_over_midnight_counts_once(iso: Rows) -> None:
    """Monday: 170 min worked, then one failure, 10 min of it. Tuesday: 6 h in all, repairs of 30 and 60 min."""
    found = iso("""
        select date, failure_count, operating_time_h, time_to_failure_h, time_to_restoration_h, mtbf_h, mttf_h, mttr_h
        from marts.fct_work_unit_reliability_daily where work_unit_code = 'M2' order by date
    """)
    assert found == [
        exactly(
            failure_count=1, operating_time_h="2.833333", time_to_failure_h="2.833333",
            time_to_restoration_h="0.166667", mtbf_h="2.833333", mttf_h="2.833333", mttr_h="0.166667",
        ) | {"date": MONDAY},
        exactly(
            failure_count=2, operating_time_h="6", time_to_failure_h="3", time_to_restoration_h="1.5", mtbf_h="3",
            mttf_h="1.5", mttr_h="0.75",
        ) | {"date": TUESDAY},
        # The failure of Monday night began before these 30 dates: neither it nor its last 20 minutes count.
        exactly(
            failure_count=1, operating_time_h="4.166667", time_to_failure_h="0.166667", time_to_restoration_h="1",
            mtbf_h="4.166667", mttf_h="0.166667", mttr_h="1",
        ) | {"date": APRIL},
    ]  # fmt: skip


def test_who_tells_a_failure_does_not_matter_and_without_one_there_is_no_mean(iso: Rows) -> None:
    """M1 failed twice for 40 minutes in 6.5 h of work, once told by a worker; M3 never did."""
    m1, m3 = iso("""
        select failure_count, operating_time_h, time_to_restoration_h, mtbf_h, mttf_h, mttr_h
        from marts.fct_work_unit_reliability_daily where work_unit_code in ('M1', 'M3') order by work_unit_code
    """)
    assert m1 == exactly(
        failure_count=2, operating_time_h="6.5", time_to_restoration_h="0.666667", mtbf_h="3.25", mttf_h="1.75",
        mttr_h="0.333333",
    )  # fmt: skip
    assert m3 == exactly(failure_count=0, operating_time_h="5", time_to_restoration_h="0") | dict.fromkeys(
        ["mtbf_h", "mttf_h", "mttr_h"]
    )


def test_failures_and_scrap_change_no_other_kpi(iso: Rows) -> None:
    """S1-027, S1-028, S3-012, S3-015: presence, windows, hours and units are as if neither had been told."""
    (worker,) = iso("""
        select sum(working_s) as working_s, sum(idle_s) as idle_s, sum(units_produced) as units_produced
        from marts.fct_worker_hours where worker_code = 'W1'
    """)
    assert worker == exactly(working_s=25_200, idle_s=3_600, units_produced=65)
    (m1,) = iso("""
        select occupancy_h, window_h, units_produced from marts.fct_work_unit_kpis_daily where work_unit_code = 'M1'
    """)
    assert m1 == exactly(occupancy_h="8", window_h="12", units_produced=195)
    m2 = iso("""
        select occupancy_h, window_h from marts.fct_work_unit_kpis_daily where work_unit_code = 'M2' order by date
    """)
    # On Tuesday from 00:20 to 00:30 and from 04:00 to 07:00 in Oslo.
    assert m2[:2] == [
        exactly(occupancy_h="2.833333", window_h="2.833333"),
        exactly(occupancy_h="3.166667", window_h="6.666667"),
    ]
    (site,) = iso(f"select units_produced from marts.fct_site_kpis_daily where site_code='{OSLO}' and date='{MONDAY}'")
    assert site == {"units_produced": 245}


def test_versions_show_failures_and_scrap_as_they_came(iso: Rows) -> None:
    found = iso(f"""
        select event_type, units_produced from marts.fct_event_versions
        where event_type in ('down', 'scrap_count') and work_unit_code = 'M1' and confidence is null
            and event_time < '{at("10:00")}' order by event_time
    """)
    assert found == [{"event_type": "down", "units_produced": None}] * 2
