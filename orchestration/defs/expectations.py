"""Suites as asset checks on raw, and the job that lets held hours go. What is held back, `expectations` decides.

See https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg
from pydantic import Field

from expectations.errors import ExpectationsError
from expectations.holds import release
from expectations.settings import ExpectationsSettings
from expectations.suites import SUITES
from expectations.thresholds import read as read_thresholds
from expectations.validate import ValidationResult, validate_window
from expectations.window import instant
from orchestration.columns import table_metadata
from orchestration.defs.partitions import hours_of
from orchestration.defs.resources import WarehouseResource
from orchestration.held_hours import observed
from orchestration.pending import waiting_hours
from orchestration.seen import LEDGER, PAGE, observation
from orchestration.settings import OrchestrationSettings
from warehouse import ledger
from warehouse.ledger import Snapshot

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}
GATE: Final = "failed_hours_are_held"
# A plant's own are read with each run: a mistake in them is no reason not to load.
_LIMITS: Final = read_thresholds().defaults


def _written_by_checks(table: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["ops", table],
        deps=[dg.AssetKey(suite.asset_key) for suite in SUITES.values()],
        group_name="expectations",
        kinds={"python", "postgres"},
        owners=["team:data"],
        description=description,
        metadata=table_metadata("ops", table),
    )


results = _written_by_checks(
    "validation_results", "What the checks of raw found. One row per validation and expectation."
)
holds = _written_by_checks(
    "holds",
    "Hours that the checks of raw hold back, and who let them go why. What is held now, the check"
    " `failed_hours_are_held` of each raw table says, and `python -m expectations holds`; columns are described in"
    " `marts/fct_quality_holds`; the job `release_hours` lets hours go. Its events tell of each run that held hours,"
    " found them held or let them go. One row per hold.",
)


@dg.multi_asset_check(
    name="validate_raw",
    specs=[
        *(
            dg.AssetCheckSpec(
                expectation.name,
                asset=suite.asset_key,
                description=expectation.description,
                metadata={"limit": _LIMITS[expectation.name].bound, "mission": ", ".join(expectation.mission)},
            )
            for suite in SUITES.values()
            for expectation in suite.expectations
        ),
        # The only ones that block: where a threshold is broken, hours of that site wait, and others go on.
        *(
            dg.AssetCheckSpec(
                GATE,
                asset=suite.asset_key,
                description="Each hour that breaks a critical expectation is held back, or was let go by a person. The"
                " rollup waits for this, and leaves out what is held.",
                blocking=True,
                metadata={"mission": "S0-064, S0-065, C48"},
            )
            for suite in SUITES.values()
        ),
    ],
)
def raw_is_plausible(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Hold the hours of this run to the thresholds; without any, those that wait for their rollup."""
    engine = warehouse.engine()
    hours = hours_of(context.run.tags)
    seen = ledger.seen(engine, "rolled_up", *hours) if hours else None
    start, end = hours or waiting_hours(engine, datetime.now(UTC))
    held_before = ledger.held(engine)
    settings = ExpectationsSettings()
    about: dict[str, Any] = {"window": f"{start:%F %H:%M} to {end:%F %H:%M} UTC"}
    data_docs = OrchestrationSettings().data_docs_base_url()
    validation = validate_window(warehouse.url(settings.warehouse_url), start, end, dagster_run_id=context.run.run_id)
    # Not before: a run that takes this one up must find nothing where nothing was judged.
    if seen:
        context.op_execution_context.log_event(observation(seen))
    for warning in validation.warnings:
        context.log.warning(warning)
    if validation.warnings:
        about["warnings"] = "; ".join(validation.warnings)
    for result in validation.results:
        page = f"{data_docs}/{validation.pages.get(result.suite, 'index.html')}"
        yield dg.AssetCheckResult(
            asset_key=SUITES[result.suite].asset_key,
            check_name=result.expectation,
            passed=result.is_success,
            severity=_SEVERITY[result.severity],
            metadata={**about, PAGE: dg.MetadataValue.url(page), **result.observed},
        )
    held = ledger.held(engine)
    for event in observed(held_before, held):
        context.op_execution_context.log_event(event)
    for line in held:
        context.log.warning(str(line))
    for suite in SUITES.values():
        yield _gate(suite.asset_key, [result for result in validation.results if result.suite == suite.name], held)


def judged(context: dg.AssetExecutionContext, warehouse: WarehouseResource, start: datetime, end: datetime) -> Snapshot:
    """Hold hours to the thresholds in a step that builds them without checks before it, as a backfill of marts does.

    Returns:
        What was seen of the ledger before, which the step may settle.

    Raises:
        dg.Failure: Something failed that cannot be held back.
    """
    engine = warehouse.engine()
    seen, held_before = ledger.seen(engine, "rolled_up", start, end), ledger.held(engine)
    url = warehouse.url(ExpectationsSettings().warehouse_url)
    validation = validate_window(url, start, end, dagster_run_id=context.run.run_id)
    held = ledger.held(engine)
    for event in observed(held_before, held):
        context.log_event(event)
    for line in (*validation.warnings, *held):
        context.log.warning(str(line))
    if unheld := sorted({hour for result in validation.results for hour in result.unheld}):
        hours = ", ".join(f"{hour:%F %H:%M}" for hour in unheld)
        raise dg.Failure(f"failed, and cannot be held back, as the ledger does not know them: {hours}")
    return seen


def _gate(
    asset_key: Sequence[str], results: Sequence[ValidationResult], held: Sequence[ledger.Held]
) -> dg.AssetCheckResult:
    """Whether all that failed a suite is held back, or was let go."""
    names = {result.expectation for result in results}
    unheld = sorted({hour for result in results for hour in result.unheld})
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset_key),
        check_name=GATE,
        passed=not unheld,
        metadata={
            "held": "; ".join(str(line) for line in held if line.expectation in names) or "nothing",
            "not_in_the_ledger": ", ".join(f"{hour:%F %H:%M}" for hour in unheld) or "none",
        },
    )


class Release(dg.Config):
    """Which held hours are let go, and who says so why."""

    site: str = Field(description="Code of the site, such as demo")
    start: str = Field(description="The first hour, such as 2026-03-02T09:00Z; UTC unless it says otherwise")
    end: str = Field(description="The hour after the last one, such as 2026-03-02T11:00Z")
    by: str = Field(description="Your name; it is kept for good")
    reason: str = Field(description="Why these hours may go on; it is kept for good")


@dg.op
def let_hours_go(context: dg.OpExecutionContext, config: Release, warehouse: WarehouseResource) -> None:
    """Let held hours go, as `python -m expectations release` does; the run's configuration says for whom and why."""
    held_before = ledger.held(warehouse.engine())
    try:
        start, end = instant(config.start), instant(config.end)
        engine = warehouse.engine(ExpectationsSettings().warehouse_url)
        hours = release(engine, config.site, start, end, by=config.by, reason=config.reason)
    except ExpectationsError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    metadata: Mapping[str, Any] = {"hours": [f"{hour:%F %H:%M}" for hour in hours], "by": config.by}
    context.log_event(dg.AssetObservation(LEDGER, metadata={**metadata, "reason": config.reason}))
    held = ledger.held(warehouse.engine())
    for event in observed(held_before, held, released_by=config.by, reason=config.reason):
        context.log_event(event)


@dg.job(
    description="Let hours go that a failed expectation holds back; the launchpad asks for site, range, name, reason."
)
def release_hours() -> None:
    """Hours of a site that a person lets go."""
    let_hours_go()
