"""Lateness by numbers worked out by hand (C15, C17)."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from warehouse.lateness import Lateness, lateness_by_batch

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def items(*rows: tuple[int, float, bool]) -> pa.Table:
    """Rows of (batch_seq, seconds late, is_server_time)."""
    return pa.table(
        {
            "batch_seq": pa.array([seq for seq, _, _ in rows], pa.int64()),
            "event_time": pa.array([NOON - timedelta(seconds=s) for _, s, _ in rows], pa.timestamp("us", "UTC")),
            "received_at": pa.array([NOON for _ in rows], pa.timestamp("us", "UTC")),
            "is_server_time": pa.array([server for _, _, server in rows], pa.bool_()),
        }
    )


def test_sixty_minutes_are_late_and_a_second_less_is_not() -> None:
    found = lateness_by_batch(items((1, 3600, False), (1, 3599, False)))
    assert (found[1].device_timed_count, found[1].late_count) == (2, 1)


def test_p95_is_interpolated_between_neighbours() -> None:
    """Of 0, 10, ..., 100 (11 items) the 95th percentile lies at rank 9.5: halfway between 90 and 100."""
    found = lateness_by_batch(items(*[(7, 10.0 * step, False) for step in reversed(range(11))]))
    assert found[7].p95_s == pytest.approx(95.0)


def test_p50_of_an_even_number_lies_halfway() -> None:
    """C17: of 0, 60, 120 and 3,600 s the median is 90 s; the slow one is the 95th percentile's matter."""
    found = lateness_by_batch(items((7, 3600, False), (7, 0, False), (7, 120, False), (7, 60, False)))
    assert found[7].p50_s == 90.0


def test_batches_are_kept_apart_and_server_times_left_out() -> None:
    found = lateness_by_batch(items((2, 5, False), (1, 7200, False), (2, 9999, True), (3, 1, True)))
    assert found == {1: Lateness(1, 1, 7200.0, 7200.0), 2: Lateness(1, 0, 5.0, 5.0)}


def test_clock_ahead_is_negative_lateness() -> None:
    assert lateness_by_batch(items((1, -30, False)))[1] == Lateness(1, 0, -30.0, -30.0)


def test_nothing_timed_says_nothing() -> None:
    assert lateness_by_batch(items()) == {}
    assert lateness_by_batch(items((1, 5, True))) == {}
