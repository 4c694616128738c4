"""Figures of merit, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.metrics import (
    average_precision,
    bootstrap_interval,
    confusion,
    expanded,
    f1,
    false_alarm_rate,
    missed_alarm_rate,
    nested_interval,
    operating_points,
    pooled,
    steps_to_detect,
    vus_pr,
)

TRUTH = np.array([True, False, True, False])


def test_average_precision_weighs_precision_by_the_recall_it_adds() -> None:
    # Found in order: hit (precision 1, recall +1/2), miss, hit (precision 2/3, recall +1/2).
    assert average_precision(TRUTH, np.array([0.9, 0.8, 0.7, 0.6])) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_one_point_of_a_curve() -> None:
    """The strictest threshold flags one hit, the next a miss and a hit, and an alarm that never stops all at once."""
    hits, false_alarms = operating_points(TRUTH, np.array([0.9, 0.5, 0.5, 0.1]))
    assert (hits.tolist(), false_alarms.tolist()) == ([1, 2, 2], [0, 1, 2])
    hits, false_alarms = operating_points(TRUTH, np.ones(4))
    assert (hits.tolist(), false_alarms.tolist()) == ([2], [2])


def test_equal_scores_are_found_together() -> None:
    assert average_precision(np.array([True, False, False]), np.array([1.0, 1.0, 0.0])) == 0.5
    assert average_precision(TRUTH, np.ones(4)) == 0.5


def test_average_precision_of_nothing_to_find_is_not_a_number() -> None:
    assert np.isnan(average_precision(np.zeros(3, dtype=bool), np.arange(3.0)))


def test_rates_at_a_threshold() -> None:
    truth = np.array([True, True, True, False, False, False, False, False])
    flagged = np.array([True, True, False, True, False, False, False, False])
    counts = confusion(truth, flagged)
    np.testing.assert_array_equal(counts, [2, 1, 1, 4])
    assert f1(counts) == pytest.approx(2 * (2 / 3) * (2 / 3) / (2 / 3 + 2 / 3))
    assert false_alarm_rate(counts) == pytest.approx(1 / 5)
    assert missed_alarm_rate(counts) == pytest.approx(1 / 3)
    assert f1(confusion(truth, np.zeros(8, dtype=bool))) == 0.0
    assert np.isnan(missed_alarm_rate(confusion(np.zeros(2, dtype=bool), np.zeros(2, dtype=bool))))
    np.testing.assert_allclose(f1(np.array([[2, 1, 1, 4], [0, 3, 0, 9]])), [2 / 3, 0.0])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60))
def test_average_precision_agrees_with_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    from sklearn.metrics import average_precision_score

    truth = np.array([anomalous for anomalous, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    if truth.any():
        assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


def example(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth and scores of 400 steps; the detector is seven steps late."""
    ranges = {
        "apart": [(60, 90), (200, 201), (300, 360)],
        "touching": [(50, 70), (75, 90), (100, 101), (395, 400)],
        "edges": [(0, 5), (390, 400)],
    }
    steps, truth = np.arange(400), np.zeros(400, dtype=bool)
    for start, end in ranges[name]:
        truth[start:end] = True
    return truth, np.sin(steps * 1.7) + np.cos(steps * 0.31) + 1.2 * np.roll(truth, 7)


@pytest.mark.parametrize(
    ("name", "window", "published"),
    [
        ("apart", 0, 0.4764775476),
        ("apart", 7, 0.4996190967),
        ("apart", 60, 0.6845736816),
        ("touching", 0, 0.2416915724),
        ("touching", 7, 0.2803272308),
        ("touching", 60, 0.4172956711),
        ("edges", 0, 0.1411348987),
        ("edges", 7, 0.1793362667),
        ("edges", 60, 0.3018394072),
    ],
)
def test_vus_pr_is_the_published_figure(name: str, window: int, published: float) -> None:
    """Issue 5. Figures of `RangeAUC_volume_opt` of the authors' package, vus 0.0.6, on the same series."""
    truth, scores = example(name)
    assert vus_pr(truth, scores, window) == pytest.approx(published, abs=1e-9)


def test_vus_pr_of_equal_scores_is_the_published_figure() -> None:
    truth, scores = example("touching")
    assert vus_pr(truth, np.round(scores)) == pytest.approx(0.332080125, abs=1e-9)


def test_vus_pr_rewards_knowledge_only() -> None:
    """A perfect detector gets about one, chance and a constant what the labels give away, no anomaly no number."""
    rng, truth = np.random.default_rng(4), np.zeros(30_000, dtype=bool)
    for start in range(500, 30_000, 1_000):
        truth[start : start + 200] = True
    assert vus_pr(truth, truth + 0.01 * rng.random(30_000)) > 0.99
    with_buffers = np.mean([truth.mean() + weight_of(buffer) * 30 / 30_000 for buffer in range(61)])
    assert vus_pr(truth, np.ones(30_000)) == pytest.approx(with_buffers)
    assert vus_pr(truth, rng.random(30_000)) == pytest.approx(with_buffers, abs=0.01)
    assert np.isnan(vus_pr(np.zeros(100, dtype=bool), rng.random(100)))


def weight_of(buffer: int) -> float:
    """Sum of the labels to both sides of an anomaly."""
    return 2 * sum(np.sqrt(1 - distance / buffer) for distance in range(1, buffer // 2 + 1))


def test_a_detector_a_little_early_is_forgiven_and_a_late_one_less() -> None:
    truth = np.zeros(2_000, dtype=bool)
    truth[1_000:1_100] = True
    by_shift = [vus_pr(truth, np.roll(truth, shift).astype(float)) for shift in (0, -10, -200)]
    assert by_shift[0] > by_shift[1] > 0.8 > 0.2 > by_shift[2]


def test_steps_to_detect_are_counted_from_the_first_faulty_step() -> None:
    truth = np.array([0, 1, 1, 1, 0, 1, 0, 1, 1], dtype=bool)
    flagged = np.array([1, 0, 0, 1, 0, 1, 1, 0, 0], dtype=bool)
    np.testing.assert_array_equal(steps_to_detect(truth, flagged), [2.0, 0.0, np.nan])


def test_the_bootstrap_draws_groups_not_steps() -> None:
    """Of two groups at 0 and 1, a quarter of the draws has a mean of 0, a quarter of 1: the interval is all of it."""
    rng = np.random.default_rng(5)
    assert bootstrap_interval(np.array([0.0, 1.0]), rng) == (0.0, 1.0)
    assert bootstrap_interval(np.array([0.7]), rng) == (0.7, 0.7)
    # The mean of n normal values: its standard error is known.
    values = np.random.default_rng(6).standard_normal(400)
    low, high = bootstrap_interval(values, rng)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.01)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.05)


def test_pooled_figures_are_drawn_by_group() -> None:
    counts = np.array([[9, 1, 0, 90], [0, 10, 5, 95]])
    low, high = bootstrap_interval(counts, np.random.default_rng(7), statistic=pooled(f1))
    assert (low, high) == (0.0, pytest.approx(18 / 19))
    assert pooled(f1)(counts) == pytest.approx(18 / (18 + 11 + 5))


def test_the_share_for_few_groups_by_hand() -> None:
    """Of six: sqrt(6 / 5) x 2.5706, Student's 97.5 % point with 5 degrees of freedom, is 2.8159 standard deviations."""
    assert expanded(0.95, 6) == pytest.approx(0.99514, abs=1e-5)
    assert expanded(0.95, 100_000) == pytest.approx(0.95, abs=1e-5)


def test_of_equal_challengers_few_lead_by_more_than_chance() -> None:
    """A bound at 2.5 %: of 1,000 at most 40, three standard errors; with the plain percentile it is 70."""
    share, rng = expanded(0.95, 6), np.random.default_rng(3)
    lucky = sum(bootstrap_interval(rng.normal(size=6), rng, share, draws=1_000)[0] > 0 for _ in range(1_000))
    assert 10 < lucky <= 40


def test_groups_are_drawn_before_their_members() -> None:
    """The variance of the mean is that between groups over their number, plus that within over all members."""
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(50), 4)
    values = rng.normal(0, 1.0, 50)[groups] + rng.normal(0, 0.5, 200)
    low, high = nested_interval(values, groups, np.random.default_rng(9))
    means = values.reshape(50, 4).mean(axis=1)
    expected = means.var() / 50 + values.reshape(50, 4).var(axis=1).mean() / 200
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(expected), rel=0.08)
    assert (low + high) / 2 == pytest.approx(means.mean(), abs=0.02)


def test_groups_of_different_size_weigh_the_same() -> None:
    values, groups = np.array([1.0, 1.0, 1.0, 0.0]), np.array([4, 4, 4, 7])
    assert nested_interval(values, groups, np.random.default_rng(1)) == (0.0, 1.0)
    assert nested_interval(np.array([0.3] * 5), np.array([0, 0, 1, 1, 1]), np.random.default_rng(1)) == (
        pytest.approx(0.3),
        pytest.approx(0.3),
    )
