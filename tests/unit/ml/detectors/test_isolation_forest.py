"""Our walk through the trees gives scikit-learn's scores."""

import numpy as np
from sklearn.ensemble import IsolationForest

from ml.detectors.isolation_forest import SAMPLES_PER_TREE, TREES, IsolationForestDetector
from ml.detectors.summaries import summarize


def test_scores_are_those_of_scikit_learn(earlier: np.ndarray, later: np.ndarray) -> None:
    """S0-026."""
    ours = IsolationForestDetector()
    ours.fit(earlier, seed=11, progress=lambda stage, share: None)
    theirs = IsolationForest(n_estimators=TREES, max_samples=SAMPLES_PER_TREE, random_state=11).fit(summarize(earlier))
    np.testing.assert_allclose(ours.score(later), -theirs.score_samples(summarize(later)), rtol=1e-9)
