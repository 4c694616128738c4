"""Drift of confidence (S1-059..063, C9, D12), hour by hour."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from ml.confidence_watch import HourlyMean, band_of, find_drifts, is_sudden_fall

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stream(levels: Iterable[float], seed: int = 0, noise: float = 0.015, samples: int = 50) -> list[HourlyMean]:
    """Hourly means around the given levels; 0.015 is what 30 samples with a spread of 0.08 leave."""
    chance = random.Random(seed)
    return [
        HourlyMean(START + hour * HOUR, min(level + chance.gauss(0, noise), 1.0), samples)
        for hour, level in enumerate(levels)
    ]


@pytest.mark.parametrize(
    ("confidence", "band"),
    [(0.7499, "critical"), (0.75, "warning"), (0.85, "warning"), (0.8501, "healthy"), (0.9245, "healthy")],
)
def test_bands(confidence: float, band: str) -> None:
    """S1-059, S1-060, S1-061, and the example of S1-056."""
    assert band_of(confidence) == band


@pytest.mark.parametrize("level", [0.90, 0.86])
def test_thirty_stable_days_never_fire(level: float) -> None:
    for seed in range(20):
        assert find_drifts(stream([level] * 720, seed)) == []


@pytest.mark.parametrize("level", [0.90, 0.86])
def test_a_fall_to_0_79_is_found_within_twelve_hours_and_once(level: float) -> None:
    for seed in range(20):
        (drift,) = find_drifts(stream([level] * 360 + [0.79] * 360, seed))
        assert timedelta() < drift.detected_at - (START + 360 * HOUR) <= 12 * HOUR
        assert drift.band == "warning"
        assert drift.mean_before == pytest.approx(level, abs=0.02)
        assert drift.recovered_at is None


def test_a_slow_decline_is_found_before_it_is_critical() -> None:
    (drift,) = find_drifts(stream([0.93] * 60 + [0.93 - 0.23 * hour / 12 for hour in range(12)], noise=0.005))
    assert drift.band == "warning"
    assert drift.detected_at <= START + 70 * HOUR


@pytest.mark.parametrize("depth", [0.2, 0.5, 0.9])
def test_glitches_of_thirty_minutes_are_ignored(depth: float) -> None:
    """Once a day, within an hour or across two."""
    levels = [0.90] * 720
    for hour in range(10, 710, 48):
        levels[hour] -= depth / 2
        levels[hour + 24] -= depth / 4
        levels[hour + 25] -= depth / 4
    assert find_drifts(stream(levels)) == []


def test_hours_with_few_samples_do_not_count() -> None:
    """C9: at least 30 samples a side."""
    sound, sparse = stream([0.90] * 100), stream([0.90] * 48 + [0.30] * 52, samples=29)
    assert find_drifts([*sound[:48], *sparse[48:]]) == []
    assert len(find_drifts([*sound[:48], *stream([0.90] * 48 + [0.30] * 52, samples=30)[48:]])) == 1


def test_a_critical_level_fires_even_without_a_history() -> None:
    """S1-062: under 0.75; it takes three hours to be sure."""
    (drift,) = find_drifts(stream([0.70] * 10, noise=0.0))
    assert (drift.band, drift.detected_at) == ("critical", START + 3 * HOUR)
    assert drift.sample_count == 150
    assert find_drifts(stream([0.75] * 200, noise=0.0)) == []


def test_a_sudden_fall_is_relative_and_more_than_ten_percent() -> None:
    """C9: (0.90 - 0.81) / 0.90 is exactly 10 %, which is not more."""
    assert not is_sudden_fall(stream([0.90] * 4 + [0.81] * 3, noise=0.0))
    assert is_sudden_fall(stream([0.90] * 4 + [0.80] * 3, noise=0.0))
    assert not is_sudden_fall(stream([0.90] * 4 + [0.80, 0.80, 0.85], noise=0.0))
    assert not is_sudden_fall(stream([0.90] * 5 + [0.80] * 2, noise=0.0))


def test_a_fall_after_a_lucky_hour_is_none() -> None:
    assert not is_sudden_fall(stream([0.90] * 6 + [1.0] + [0.89] * 3, noise=0.0))


def test_a_fall_across_a_gap_in_time_is_none() -> None:
    hours = stream([0.90] * 4 + [0.80] * 3, noise=0.0)
    later = [HourlyMean(hour.hour + 5 * HOUR, hour.mean, hour.sample_count) for hour in hours[4:]]
    assert not is_sudden_fall([*hours[:4], *later])


def test_a_fall_within_the_healthy_band_is_nobodys_business_unless_it_is_sudden() -> None:
    """S1-063: more than 10 % in an hour is, whatever the level."""
    assert find_drifts(stream([0.97] * 300 + [0.89] * 300)) == []
    (drift,) = find_drifts(stream([0.97] * 300 + [0.87] * 300, noise=0.0))
    assert drift.band == "healthy"


def test_an_episode_lasts_until_recovery_and_the_next_waits_a_day() -> None:
    levels = [0.90] * 100 + [0.79] * 50 + [0.90] * 20 + [0.70] * 100
    first, second = find_drifts(stream(levels, noise=0.0))
    assert first.recovered_at is not None
    assert START + 150 * HOUR < first.recovered_at <= START + 156 * HOUR
    assert second.detected_at >= first.recovered_at + 24 * HOUR
    assert second.recovered_at is None


@pytest.mark.parametrize("cut", [60, 105, 130, 152, 200, 260])
def test_going_on_from_the_last_episode_finds_what_one_look_finds(cut: int) -> None:
    """Called every hour or once a month, the episodes are the same."""
    hours = stream([0.90] * 100 + [0.79] * 50 + [0.90] * 60 + [0.72] * 90, seed=4)
    at_once = find_drifts(hours)
    assert len(at_once) == 2
    before = find_drifts(hours[:cut])
    known = {drift.detected_at: drift for drift in before}
    known |= {drift.detected_at: drift for drift in find_drifts(hours, before[-1] if before else None)}
    assert list(known.values()) == at_once
