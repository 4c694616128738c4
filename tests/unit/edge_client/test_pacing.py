"""Batch size and backoff."""

from random import Random

import pytest

from edge_client.pacing import Pacing
from edge_client.settings import EdgeSettings


class Always(Random):
    """A source of chance without chance."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def random(self) -> float:
        return self._value


@pytest.fixture
def settings() -> EdgeSettings:
    return EdgeSettings(_env_file=None)


def test_batches_grow_from_100_to_1000_while_a_backlog_drains(settings: EdgeSettings) -> None:
    """C5."""
    pacing = Pacing(settings, Random(1))
    sizes = [pacing.batch_size]
    for _ in range(5):
        pacing.succeeded(pending=5_000)
        sizes.append(pacing.batch_size)
    assert sizes == [100, 200, 400, 800, 1000, 1000]


def test_batches_do_not_grow_without_a_backlog_and_start_over_when_it_is_gone(settings: EdgeSettings) -> None:
    pacing = Pacing(settings, Random(1))
    pacing.succeeded(pending=99)
    assert pacing.batch_size == 100
    pacing.succeeded(pending=100)
    assert pacing.batch_size == 200
    pacing.succeeded(pending=0)
    assert pacing.batch_size == 100


def test_batches_halve_when_the_api_is_overloaded_but_not_when_it_is_silent(settings: EdgeSettings) -> None:
    """C5: 429 and 503."""
    pacing = Pacing(settings, Random(1))
    for _ in range(4):
        pacing.succeeded(pending=5_000)
    pacing.failed(is_overloaded=False)
    assert pacing.batch_size == 1000
    pacing.failed(is_overloaded=True)
    assert pacing.batch_size == 500
    for _ in range(5):
        pacing.failed(is_overloaded=True)
    assert pacing.batch_size == 100


def test_a_batch_found_too_large_halves_down_to_one_item(settings: EdgeSettings) -> None:
    """C5: 413."""
    pacing = Pacing(settings, Random(1))
    sizes = []
    for _ in range(8):
        pacing.found_too_large()
        sizes.append(pacing.batch_size)
    assert sizes == [50, 25, 12, 6, 3, 1, 1, 1]


def test_the_wait_doubles_from_1_second_to_5_minutes(settings: EdgeSettings) -> None:
    """S1-051: 1s → 2s → 4s → 8s → ... → 5min max."""
    pacing = Pacing(settings, Always(1.0))
    waits = [pacing.failed(is_overloaded=False) for _ in range(11)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    pacing.answered()
    assert pacing.failed(is_overloaded=False) == 1


def test_jitter_takes_away_at_most_half(settings: EdgeSettings) -> None:
    pacing = Pacing(settings, Always(0.0))
    assert [pacing.failed(is_overloaded=False) for _ in range(3)] == [0.5, 1, 2]


def test_retry_after_is_a_lower_limit(settings: EdgeSettings) -> None:
    assert Pacing(settings, Always(0.0)).failed(is_overloaded=True, retry_after_s=77) == 77
    pacing = Pacing(settings, Always(1.0))
    for _ in range(6):
        pacing.failed(is_overloaded=True)
    assert pacing.failed(is_overloaded=True, retry_after_s=3) == 64
