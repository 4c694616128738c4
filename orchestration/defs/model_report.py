"""The weekly model performance report as an asset. What stands in it is told in `ml.report`; when, in `automation`.

See https://docs.dagster.io/guides/build/assets
"""

from datetime import UTC, date, datetime
from typing import Any, Final

import dagster as dg

from ml.settings import MlSettings
from orchestration.defs.resources import WarehouseResource

_OWNERS: Final = ["team:ml"]
REPORTED: Final = (
    "fct_model_performance_weekly",
    "fct_model_anomaly_sensors_weekly",
    "fct_edge_confidence_weekly",
    "fct_drift_episodes",
)


class ReportConfig(dg.Config):
    """Which week is reported: any day of it, such as 2026-03-02; empty: the last that is complete."""

    day: str | None = None


@dg.asset(
    key=["ml", "model_performance_reports"],
    group_name="ml",
    deps=[["marts", name] for name in REPORTED],
    kinds={"python"},
    owners=_OWNERS,
)
def model_performance_reports(config: ReportConfig, warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """The weekly model performance report (S1-064), an HTML page. One file per ISO week, UTC."""
    from ml import report

    week = date.fromisoformat(config.day) if config.day else report.last_complete_week(datetime.now(UTC))
    written, path = report.write(warehouse.engine(MlSettings().warehouse_url), week)
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.url(path.resolve().as_uri()),
            "week": f"{written.week:%G-W%V}",
            "summary": report.summary(written),
        }
    )
