"""The confidence of the models, by hour and by date."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from plant import exactly
from sqlalchemy import Engine

from ml.report import write
from ml.settings import MlSettings

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


def test_model_performance_of_the_week(rows: Rows) -> None:
    """S1-064: three hours of three versions, of which two count; decisions are of the week they were recorded in."""
    found = rows("""
        select model_version, window_count, anomalous_window_count, avg_confidence, band, warning_hours, healthy_hours
        from marts.fct_model_performance_weekly where window_count > 0 order by model_version
    """)
    assert [tuple(row.values()) for row in found] == [
        (1, 1, 0, Decimal("0.9"), "healthy", 0, 1),
        (2, 2, 0, Decimal("0.8"), "warning", 1, 0),
    ]
    decided = rows("""
        select model_version, training_count, promotion_count, decision_reasons
        from marts.fct_model_performance_weekly where training_count > 0 order by model_version
    """)
    assert [tuple(row.values()) for row in decided] == [
        (1, 1, 1, "initial, promoted: "),
        (2, 1, 1, "initial, promoted: "),
        (3, 1, 0, "initial, kept as challenger: "),
    ]
    (edge,) = rows("select sample_count, avg_confidence, band, critical_hours from marts.fct_edge_confidence_weekly")
    assert edge == {"sample_count": 3, "avg_confidence": Decimal("0.733333"), "band": "critical", "critical_hours": 1}
    assert rows("select * from marts.fct_drift_episodes") == rows("select * from marts.fct_drift_features") == []


def test_the_report_of_the_week_is_written_once(rows: Rows, engine: Engine, tmp_path: Path) -> None:
    """S1-064: any day of the week will do, and a second report takes the place of the first."""
    ((week,),) = [tuple(row.values()) for row in rows("select distinct week from marts.fct_edge_confidence_weekly")]
    settings = MlSettings(reports_dir=tmp_path / "reports")
    report, path = write(engine, week, settings)
    assert write(engine, date.fromordinal(week.toordinal() + 6), settings) == (report, path)
    assert [found.name for found in path.parent.iterdir()] == [f"model_performance_{week:%G-W%V}.html"]
    assert [row["window_count"] for row in report.models if row["window_count"]] == [1, 2]
    assert [row["stream"] for row in report.history] == ["classifier at berlin", "model of pump"]
    page = path.read_text(encoding="utf-8")
    assert "<svg" in page and "1 classes of equipment: 3 windows scored" in page
