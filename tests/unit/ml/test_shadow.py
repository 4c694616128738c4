"""The rule by which a challenger's time beside the champion ends."""

import pytest

from ml.settings import MlSettings
from ml.shadow import Live, judge

SETTINGS = MlSettings(false_alarm_cap=0.10, shadow_h=24)
CHAMPION = Live(7_200, 0.01, 0.95)


@pytest.mark.parametrize(
    ("flagged", "confidence", "is_promoted"),
    [(0.02, 0.96, True), (0.10, 0.86, True), (0.11, 0.96, False), (0.02, 0.85, False), (float("nan"), 0.96, False)],
)
def test_quiet_on_live_data_and_no_less_sure(flagged: float, confidence: float, is_promoted: bool) -> None:
    assert judge(Live(7_200, flagged, confidence), CHAMPION, SETTINGS)[0] is is_promoted


def test_a_doubtful_champion_may_be_followed_by_a_doubtful_one() -> None:
    assert judge(Live(7_200, 0.02, 0.78), Live(7_200, 0.01, 0.80), SETTINGS)[0]
    assert not judge(Live(7_200, 0.02, 0.74), Live(7_200, 0.01, 0.80), SETTINGS)[0]


def test_the_reason_has_the_figures() -> None:
    assert judge(Live(7_200, 0.02, 0.96), CHAMPION, SETTINGS)[1] == (
        "Over 24 h beside the champion, 7,200 windows: it flags 2.0% of at most 10%, its mean confidence 0.960 is "
        "healthy, the champion's 0.950 is healthy."
    )
    assert judge(Live(7_200, 0.2, 0.96), CHAMPION, SETTINGS)[1].endswith(
        "it flags 20.0% of them; at most 10% are allowed."
    )
