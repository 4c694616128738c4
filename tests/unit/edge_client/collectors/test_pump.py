"""The simulated pump is near the documented figures when healthy, and plainly ill when its bearing fails."""

from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest

from edge_client.collectors.plant import SENSORS
from edge_client.collectors.pump import Pump

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run(fault: tuple[datetime, datetime] | None, hours: int = 24) -> dict[str, list[float]]:
    pump = Pump(Random(5), ZoneInfo("Europe/Berlin"), fault)
    rows = [pump.read(START + minute * MINUTE) for minute in range(hours * 60)]
    return {sensor.metric: [row[i] for row in rows] for i, sensor in enumerate(SENSORS)}


@pytest.mark.parametrize(
    ("metric", "figure", "spread"),
    [
        ("motor_rpm", 1480, 0.01),
        ("bearing_temperature", 72.5, 0.1),
        ("oil_pressure", 4.2, 0.1),
        ("vibration", 2.8, 0.1),
        ("flow_rate", 145.3, 0.1),
        ("suction_pressure", 1.8, 0.1),
        ("discharge_pressure", 6.5, 0.15),
        ("motor_current", 28.4, 0.1),
        ("casing_temperature", 58.2, 0.1),
        ("ambient_temperature", 25.1, 0.2),
    ],
)
def test_a_healthy_pump_runs_near_the_documented_figures(metric: str, figure: float, spread: float) -> None:
    """S2-005..014."""
    values = run(None)[metric]
    assert fmean(values) == pytest.approx(figure, rel=spread)
    sensor = next(sensor for sensor in SENSORS if sensor.metric == metric)
    assert all(sensor.low < value < sensor.high for value in values)


def test_a_healthy_bearing_stays_below_85_degrees() -> None:
    assert max(run(None, hours=72)["bearing_temperature"]) < 85


def test_a_failing_bearing_shakes_and_heats_until_it_is_plainly_abnormal() -> None:
    start = START + timedelta(hours=10)
    healthy, ill = run(None), run((start, start + timedelta(hours=14)))
    before, last = slice(0, 600), slice(-60, None)
    assert ill["vibration"][before] == healthy["vibration"][before]
    assert fmean(ill["bearing_temperature"][last]) > 85
    assert fmean(ill["vibration"][last]) > 2.5 * fmean(healthy["vibration"][last])
    assert 1 < fmean(ill["motor_current"][last]) - fmean(healthy["motor_current"][last]) < 4
    hourly = [fmean(ill["vibration"][hour * 60 : hour * 60 + 60]) for hour in range(11, 24)]
    assert hourly == sorted(hourly)


def test_more_load_means_more_current_more_flow_and_less_speed() -> None:
    day = run(None)
    rows = sorted(zip(day["flow_rate"], day["motor_current"], day["motor_rpm"], strict=True))
    low, high = rows[:200], rows[-200:]
    assert fmean(row[1] for row in high) > fmean(row[1] for row in low) + 2
    assert fmean(row[2] for row in high) < fmean(row[2] for row in low)
