"""Which words an average confidence gets."""

from decimal import Decimal

import pytest

from ingestion_api.model_health import judge


@pytest.mark.parametrize(
    ("average", "status"),
    [("0.7499999", "Critical"), ("0.75", "Warning"), ("0.85", "Warning"), ("0.8500001", "Healthy"), ("1", "Healthy")],
)
def test_bands_at_their_borders(average: str, status: str) -> None:
    """S1-059..061: the band is that of the average, not of its four decimals."""
    assert judge({"avg_confidence": Decimal(average), "samples": 3}).status == status


def test_no_sample_is_no_verdict() -> None:
    health = judge({"avg_confidence": None, "samples": 0})
    assert (health.status, health.avg_confidence, health.samples) == ("Unknown", None, 0)
