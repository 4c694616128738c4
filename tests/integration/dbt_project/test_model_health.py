"""The confidence of the models, by hour and by date."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from plant import exactly

Rows = Callable[[str], list[dict[str, Any]]]


def test_model_health(rows: Rows) -> None:
    """S1-059..061, C8: events under the gate count; of the champions that scored an hour the last one does."""
    found = rows("""
        select stream, subject_code, model_version, avg_confidence, sample_count, band
        from marts.fct_model_health_hourly order by stream, subject_code, hour
    """)
    assert [tuple(row.values()) for row in found] == [
        ("champion", "P1", 2, Decimal("0.8"), 2, "warning"),
        ("champion", "P1", 1, Decimal("0.9"), 1, "healthy"),
        ("edge_classifier", "U1", None, Decimal("0.5"), 1, "critical"),
        ("edge_classifier", "U1", None, Decimal("0.85"), 2, "warning"),
    ]
    (champion, edge) = rows("""
        select avg_confidence, sample_count, avg_confidence_7d, band from marts.fct_model_health_daily order by stream
    """)
    assert champion == exactly(avg_confidence="0.833333", sample_count=3, avg_confidence_7d="0.833333") | {
        "band": "warning"
    }
    assert edge == exactly(avg_confidence="0.733333", sample_count=3, avg_confidence_7d="0.733333") | {
        "band": "critical"
    }
