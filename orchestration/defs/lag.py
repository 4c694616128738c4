"""Lag as checks, and as numbers that Dagster plots. How it is measured is in `lag`; what is fresh, in `freshness`.

The numbers stand with the tables that wait, by site. The checks have an asset of their own: on a raw table Dagster
calls them "Not evaluated" after each load, until the next look.

A materialization says that something was done, not that nothing is left to do: a plant that rests is not stale, and one
that is loaded every minute may wait for the rollup of an hour for days. So freshness and lag stand side by side.
See https://docs.dagster.io/guides/test/asset-checks and https://docs.dagster.io/guides/observe/asset-freshness-policies
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import dagster as dg
from sqlalchemy import Engine

from orchestration.defs.partitions import PARTITIONS_START, SITES
from orchestration.defs.resources import SitesResource, WarehouseResource
from orchestration.described import sensor
from orchestration.lag import Looks, late, longest_s
from orchestration.pending import site_states
from orchestration.seen import LEDGER
from orchestration.settings import OrchestrationSettings
from warehouse import ledger

BATCHES: Final = dg.AssetKey(["raw", "batches"])
LAG: Final = dg.AssetKey(["ops", "lag"])
_CONSUMERS: Final[tuple[ledger.Consumer, ...]] = ("rolled_up", "summarized")
_SHOWN: Final = 20
_settings = OrchestrationSettings()
Numbers = dict[dg.AssetKey, dict[str, dict[str, float]]]
_CHECKS: Final = {BATCHES: "loads_keep_up", LEDGER: "rollups_keep_up"}

lag = dg.AssetSpec(
    LAG,
    deps=[BATCHES, LEDGER],
    group_name="operations",
    kinds={"dagster"},
    owners=["team:platform"],
    description="Whether loads, rollups and daily marts keep up. The sensor `on_lag` says so every few minutes; its"
    " numbers by site are the observations of `raw/batches` and `raw/touched_hours`. Nothing materializes this.",
)


@dg.multi_asset_check(
    name="measure_lag",
    specs=[
        dg.AssetCheckSpec(
            _CHECKS[BATCHES],
            asset=LAG,
            description="Nothing that a site's API holds has waited for its load longer than MILLRACE_LAG_WARN_S, and"
            " no API has been silent for longer. Run by hand it knows no earlier look: the sensor `on_lag` does.",
        ),
        dg.AssetCheckSpec(
            _CHECKS[LEDGER],
            asset=LAG,
            description="No hour that a load touched has waited longer than MILLRACE_LAG_WARN_S for its rollup or its"
            " daily marts.",
        ),
    ],
)
def keeps_up(sites: SitesResource, warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
    """Measure the lag once."""
    for key, numbers in measure(warehouse.engine(), sites, Looks(), datetime.now(UTC)).items():
        yield dg.AssetCheckResult(asset_key=LAG, check_name=_CHECKS[key], **_verdict(numbers))


@sensor(minimum_interval_seconds=_settings.lag_interval_s, default_status=dg.DefaultSensorStatus.RUNNING)
def on_lag(context: dg.SensorEvaluationContext, sites: SitesResource, warehouse: WarehouseResource) -> dg.SensorResult:
    """Measure the lag every few minutes: numbers by site, and a warning where something waits too long."""
    looks = Looks.read(context.cursor)
    measured = measure(warehouse.engine(), sites, looks, datetime.now(UTC))
    observations = [
        dg.AssetObservation(key, partition=site_code, metadata=of_site)
        for key, numbers in measured.items()
        for site_code, of_site in numbers.items()
    ]
    verdicts = [
        dg.AssetCheckEvaluation(asset_key=LAG, check_name=_CHECKS[key], **_verdict(numbers))
        for key, numbers in measured.items()
    ]
    waits = [f"{name} {wait:,.0f}" for numbers in measured.values() for name, wait in _late(numbers).items()]
    return dg.SensorResult(
        asset_events=[*observations, *verdicts],
        cursor=looks.cursor(),
        skip_reason=dg.SkipReason("; ".join(waits[:_SHOWN]) or "nothing waits for long"),
    )


def measure(engine: Engine, sites: SitesResource, looks: Looks, now: datetime) -> Numbers:
    """The numbers by asset and site: of loads on `raw/batches`, of rollups on `raw/touched_hours`."""
    site_codes = SITES.get_partition_keys()
    states = site_states(engine, site_codes, partial(sites.client, timeout_s=_settings.api_timeout_s))
    loads = {state.site_code: looks.loads(state, now) for state in states}
    rollups: dict[str, dict[str, float]] = {site_code: {} for site_code in site_codes}
    for consumer in _CONSUMERS:
        # Hours without a partition are never rolled up.
        backlogs = ledger.backlogs(engine, consumer, PARTITIONS_START)
        for site_code, of_site in looks.rollups(site_codes, consumer, backlogs, now).items():
            rollups[site_code].update(of_site)
    return {BATCHES: loads, LEDGER: rollups}


def _late(numbers: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return late(numbers, OrchestrationSettings().lag_warn_s)


def _verdict(numbers: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    waits = dict(list(_late(numbers).items())[:_SHOWN])
    return {
        "passed": not waits,
        "severity": dg.AssetCheckSeverity.WARN,
        "metadata": {
            "longest_wait_s": longest_s(numbers),
            "limit_s": OrchestrationSettings().lag_warn_s,
            "late": dg.MetadataValue.json(waits),
        },
    }
