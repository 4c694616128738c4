"""Suites as asset checks on raw; a failed critical one stops the rollup of its hours. Thresholds are not here.

See https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from expectations.data_docs import index_page
from expectations.settings import ExpectationsSettings
from expectations.suites import SUITES
from expectations.validate import validate_window
from orchestration.defs.partitions import hours_of
from orchestration.defs.resources import WarehouseResource
from orchestration.pending import waiting_hours
from orchestration.seen import observation
from warehouse import ledger

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


@dg.multi_asset_check(
    name="validate_raw",
    specs=[
        dg.AssetCheckSpec(
            expectation.name,
            asset=suite.asset_key,
            description=expectation.description,
            blocking=expectation.severity == "critical",
            metadata={"limit": expectation.limit, "mission": ", ".join(expectation.mission)},
        )
        for suite in SUITES.values()
        for expectation in suite.expectations
    ],
)
def raw_is_plausible(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Hold the hours of this run to the thresholds; without any, those that wait for their rollup."""
    engine = warehouse.engine()
    hours = hours_of(context.run.tags)
    if hours is not None:
        context.op_execution_context.log_event(observation(ledger.seen(engine, "rolled_up", *hours)))
    start, end = hours or waiting_hours(engine, datetime.now(UTC))
    settings = ExpectationsSettings()
    about: dict[str, Any] = {
        "window": f"{start:%F %H:%M} to {end:%F %H:%M} UTC",
        "data_docs": dg.MetadataValue.path(str(index_page(settings.data_docs_dir))),
    }
    for result in validate_window(warehouse.url(settings.warehouse_url), start, end, dagster_run_id=context.run.run_id):
        yield dg.AssetCheckResult(
            asset_key=SUITES[result.suite].asset_key,
            check_name=result.expectation,
            passed=result.is_success,
            severity=_SEVERITY[result.severity],
            metadata={**about, **result.observed},
        )
