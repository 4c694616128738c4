"""Why a training runs: one of four reasons."""

import pytest

from ml.cause import Cause


def test_a_trigger_that_nobody_knows_is_refused() -> None:
    assert Cause(trigger="drift", episode_id="e1").episode_id == "e1"
    with pytest.raises(ValueError, match="trigger 'whim' is none of initial, schedule, drift, manual"):
        Cause(trigger="whim")
