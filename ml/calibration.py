"""From scores to probabilities, by Platt's logistic curve on held-out windows. The threshold does not belong here."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import BoolArray, FloatArray

FAULT_PRIOR = 0.05
"""Share of faulty windows that probabilities are calibrated for. Injected faults are as many as we like, so the share
has to be assumed; at 5 %, an inconspicuous window has a confidence near 1 and a borderline one near 0.5."""

SCORE_FLOOR = 1e-12


@dataclass(frozen=True)
class Calibration:
    """p(anomaly) = 1 / (1 + exp(-(slope * ln(score) + intercept))).

    Attributes:
        slope: Not negative, so that a stranger window is never a less probable anomaly.
        intercept: Log odds at a score of one.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, scores: FloatArray, is_anomaly: BoolArray) -> "Calibration":
        """Fit the curve.

        Args:
            scores: Of held-out windows, normal and with injected faults, shape (window,).
            is_anomaly: Truth, shape (window,); both kinds must be there.
        """
        from sklearn.linear_model import LogisticRegression

        share = float(is_anomaly.mean())
        weights = np.where(is_anomaly, FAULT_PRIOR / share, (1.0 - FAULT_PRIOR) / (1.0 - share))
        logarithms = _logarithms(scores)
        centre, scale = float(logarithms.mean()), float(logarithms.std()) or 1.0
        curve = LogisticRegression(C=1e3).fit(
            ((logarithms - centre) / scale)[:, None], is_anomaly, sample_weight=weights
        )
        slope = float(curve.coef_[0, 0]) / scale
        if slope <= 0:
            return cls(0.0, float(np.log(FAULT_PRIOR / (1.0 - FAULT_PRIOR))))
        return cls(slope, float(curve.intercept_[0]) - slope * centre)

    def probability(self, scores: FloatArray) -> FloatArray:
        """Probability of an anomaly, shape (window,)."""
        odds = np.clip(self.slope * _logarithms(scores) + self.intercept, -700.0, 700.0)
        probability: FloatArray = 1.0 / (1.0 + np.exp(-odds))
        return probability


def confidence(probability: FloatArray) -> FloatArray:
    """How sure a verdict is, max(p, 1 - p), 0.5-1 (D11)."""
    surer: FloatArray = np.maximum(probability, 1.0 - probability)
    return surer


def brier_score(probability: FloatArray, is_anomaly: BoolArray) -> float:
    """Mean squared error of probabilities; 0 is perfect."""
    return float(np.square(probability - is_anomaly).mean())


@dataclass(frozen=True)
class Reliability:
    """How often what was called probable came true, at the assumed share of faults; all fields have shape (bin,).

    Attributes:
        probability: Mean probability of the windows in the bin.
        frequency: Share of faulty windows among them.
        weight: Share of all windows in the bin; sums to 1.
    """

    probability: FloatArray
    frequency: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, probability: FloatArray, is_anomaly: BoolArray, bins: int = 10) -> "Reliability":
        """Compare probabilities with the truth, in bins of equal width (Naeini et al. 2015).

        Args:
            probability: Of windows that calibration did not see, shape (window,).
            is_anomaly: Truth, shape (window,); both kinds must be there. Windows are weighed so that the share of
                faulty ones is `FAULT_PRIOR`.
            bins: How many; those without a window are left out.
        """
        share = float(is_anomaly.mean())
        weights = np.where(is_anomaly, FAULT_PRIOR / share, (1.0 - FAULT_PRIOR) / (1.0 - share))
        own = np.minimum((probability * bins).astype(np.int64), bins - 1)
        total = np.bincount(own, weights=weights, minlength=bins)
        kept = total > 0
        mean = np.bincount(own, weights=weights * probability, minlength=bins)[kept] / total[kept]
        frequency = np.bincount(own, weights=weights * is_anomaly, minlength=bins)[kept] / total[kept]
        return cls(mean, frequency, total[kept] / total.sum())

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of probability and frequency, weighed by the windows in the bins; 0 is perfect."""
        return float((self.weight * np.abs(self.probability - self.frequency)).sum())


def _logarithms(scores: FloatArray) -> FloatArray:
    logarithms: FloatArray = np.log(np.maximum(scores.astype(np.float64), SCORE_FLOOR))
    return logarithms
