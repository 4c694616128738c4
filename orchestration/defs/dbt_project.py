"""dbt models as assets and dbt tests as checks; which hours and days are rolled up. What a model computes is dbt's.

See https://docs.dagster.io/integrations/libraries/dbt
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from sqlalchemy import Engine

from expectations import thresholds
from expectations.settings import ExpectationsSettings
from expectations.suites import SUITES
from orchestration.attempts import is_under_way
from orchestration.dbt_events import asset_events
from orchestration.defs.expectations import judged
from orchestration.defs.partitions import (
    DAYS,
    HOURS,
    HOURS_OF_DAYS,
    PARTITIONS_START,
    day_pieces,
    days_of,
    hour_pieces,
    hours_of,
    required,
)
from orchestration.defs.range_work import DAILY, HOURLY, range_works
from orchestration.defs.resources import DbtResource, WarehouseResource
from orchestration.described import sensor
from orchestration.freshness import fresh_for
from orchestration.local_days import hours_inside, local_dates, merge
from orchestration.manifest import load_manifest
from orchestration.pending import registry_position, site_zones
from orchestration.reference import is_reference_built, reference_content
from orchestration.seen import PAGE, pages_of_checks, seen_by_checks
from orchestration.settings import OrchestrationSettings
from orchestration.work import Work, ask_for
from warehouse import ledger, reference_builds

MANIFEST = load_manifest()
# dbt and scoring read what the other writes, so they take turns.
TRANSFORM_POOL: Final = "transform"
ALL: Final = dg.AllPartitionMapping()
CHECKED: Final = {dg.AssetKey(suite.asset_key) for suite in SUITES.values()}
SCORED: Final = {"scores", "anomalies"}
_REFERENCE_IS_BEHIND: Final = "the reference models are not built yet for what is loaded"
# dbt's own log would go with the target folder, read by nobody; what it tells of errors comes with the events.
_BUILD: Final = ("build", "--exclude-resource-type", "unit_test", "--log-level-file", "none")
_settings = OrchestrationSettings()
_FRESH_H: Final = {"hourly": _settings.fresh_hourly_h, "daily": _settings.fresh_daily_h}


class Translator(DagsterDbtTranslator):
    """Groups, freshness, partition mappings, the edge from raw's checks to the rollups. Keys come by themselves."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Let each rollup depend on the checked raw tables behind its staging views: the checks then go first."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        tags = manifest["nodes"].get(unique_id, {}).get("tags", [])
        if hours := [hours for tag, hours in _FRESH_H.items() if tag in tags]:
            spec = spec.replace_attributes(freshness_policy=fresh_for(hours[0]))
        if "hourly" not in tags:
            return spec
        known = {dep.asset_key for dep in spec.deps}
        deps = [dg.AssetDep(key, partition_mapping=ALL) for key in _checked_sources(manifest, unique_id) - known]
        return spec.replace_attributes(deps=[*spec.deps, *deps])

    def get_partition_mapping(
        self, dbt_resource_props: Mapping[str, Any], dbt_parent_resource_props: Mapping[str, Any]
    ) -> dg.PartitionMapping | None:
        """Raw tables are cut by site; a local day takes hours of the UTC days around it."""
        if dbt_parent_resource_props.get("source_name") == "raw":
            return ALL
        is_hourly = "hourly" in dbt_parent_resource_props["tags"] or dbt_parent_resource_props["name"] in SCORED
        return HOURS_OF_DAYS if "daily" in dbt_resource_props["tags"] and is_hourly else None

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer and its source or operation: `staging_raw`, `intermediate`, `marts_kpi`."""
        if dbt_resource_props["resource_type"] != "model":
            return str(dbt_resource_props["schema"])
        layer, *folders = dbt_resource_props["fqn"][1:-1]
        return str(layer) if layer == "intermediate" else "_".join([layer, *folders])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Whom to ask about a model: who its `meta` names, else the data engineers."""
        return super().get_owners(dbt_resource_props) or ["team:data"]


_TRANSLATOR: Final = Translator()


def _checked_sources(manifest: Mapping[str, Any], unique_id: str) -> set[dg.AssetKey]:
    """The checked raw tables that reach a model through nothing but staging views and ephemeral models."""
    found, queue = set(), list(manifest["parent_map"][unique_id])
    while queue:
        parent = queue.pop()
        if parent in manifest["sources"]:
            found.add(dg.AssetKey([manifest["sources"][parent][part] for part in ("source_name", "name")]))
        elif ".stg_" in parent or manifest["nodes"][parent]["config"]["materialized"] == "ephemeral":
            queue.extend(manifest["parent_map"][parent])
    return found & CHECKED


def _build(
    context: dg.AssetExecutionContext, dbt: DbtResource, of_marts: Mapping[str, Any] | None = None, **variables: str
) -> Iterator[Any]:
    """Run the selected models and their tests. dbt leaves its target folder behind, hence a passing one."""
    with TemporaryDirectory(prefix="millrace-dbt-") as target:
        arguments = [*_BUILD, "--vars", json.dumps({**variables, "judged_only": True})]
        yield from asset_events(dbt.cli(arguments, context=context, target_path=Path(target)), of_marts)


def _validated_by(context: dg.AssetExecutionContext) -> dict[str, Any]:
    """Links to the validations that let the hours of this run through; one look for all that the run builds."""
    pages = pages_of_checks(context.instance, context.run)
    links = [f"[{table}]({page})" for table, page in sorted(pages.items())]
    return {"validated_by": dg.MetadataValue.md(", ".join(links))} if links else {}


def _build_reference_if_behind(
    context: dg.AssetExecutionContext, dbt: DbtResource, engine: Engine
) -> Iterator[dg.AssetMaterialization]:
    """Build the reference models in a run that settles, where they are behind when it starts.

    Call it after the ledger was noted: a registry change that is loaded later touches its hours once more, so that
    they stay pending. A change that was loaded before is in the dimensions, whoever asked for the run and when.
    """
    content = reference_content(engine)
    if reference_builds.newest(engine).content == content:
        return
    context.log.info("the dimensions are behind the registry or the dbt project: they are built first")
    with TemporaryDirectory(prefix="millrace-dbt-") as target:
        # Tests that other models have a part in are theirs.
        arguments = [*_BUILD, "--select", "tag:reference", "--indirect-selection", "cautious"]
        invocation = dbt.cli(arguments, manifest=MANIFEST, dagster_dbt_translator=_TRANSLATOR, target_path=Path(target))
        yield from (event for event in asset_events(invocation) if isinstance(event, dg.AssetMaterialization))
    reference_builds.record(engine, content)


@dbt_assets(
    name="dbt_reference",
    manifest=MANIFEST,
    select="tag:reference",
    dagster_dbt_translator=_TRANSLATOR,
    pool=TRANSFORM_POOL,
)
def reference(context: dg.AssetExecutionContext, dbt: DbtResource, warehouse: WarehouseResource) -> Iterator[Any]:
    """Seeds, staging views, dimensions and features: what does not depend on the hour."""
    engine = warehouse.engine()
    content = reference_content(engine)
    yield from _build(context, dbt)
    if context.selected_asset_keys >= reference.keys:
        reference_builds.record(engine, content)


@dbt_assets(
    manifest=MANIFEST,
    name="dbt_hourly",
    select="tag:hourly",
    dagster_dbt_translator=_TRANSLATOR,
    partitions_def=HOURS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=TRANSFORM_POOL,
)
def hourly(context: dg.AssetExecutionContext, dbt: DbtResource, warehouse: WarehouseResource) -> Iterator[Any]:
    """Roll up a range of hours, and settle in the ledger what the checks of this run saw of it.

    A backfill of hourly assets alone has none: the hours are judged here, before anything reads them.
    """
    start, end = required(hours_of(context.run.tags))
    engine = warehouse.engine()
    checked = seen_by_checks(context.instance, context.run)
    snapshot = checked or judged(context, warehouse, start, end)
    yield from _build_reference_if_behind(context, dbt, engine)
    yield from _build(context, dbt, _validated_by(context), start_hour=start.isoformat(), end_hour=end.isoformat())
    if context.selected_asset_keys >= hourly.keys:
        ledger.settle(engine, "rolled_up", snapshot)


@dbt_assets(
    manifest=MANIFEST,
    name="dbt_daily",
    select="tag:daily",
    dagster_dbt_translator=_TRANSLATOR,
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=TRANSFORM_POOL,
)
def daily(context: dg.AssetExecutionContext, dbt: DbtResource, warehouse: WarehouseResource) -> Iterator[Any]:
    """Compute a range of local dates, and settle the hours that lie within them at every site."""
    start, end = required(days_of(context.run.tags))
    engine = warehouse.engine()
    snapshot = ledger.seen(engine, "summarized", *hours_inside(start, end, site_zones(engine)))
    yield from _build_reference_if_behind(context, dbt, engine)
    # Its hours were validated by many runs, of which those of the hourly marts have the pages.
    all_validations = {PAGE: dg.MetadataValue.url(f"{_settings.data_docs_base_url()}/index.html")}
    yield from _build(context, dbt, all_validations, start_date=start.isoformat(), end_date=end.isoformat())
    if context.selected_asset_keys >= daily.keys:
        ledger.settle(engine, "summarized", snapshot)


@dbt_assets(
    manifest=MANIFEST,
    name="dbt_health",
    select="tag:health",
    dagster_dbt_translator=_TRANSLATOR,
    pool=TRANSFORM_POOL,
)
def health(context: dg.AssetExecutionContext, dbt: DbtResource) -> Iterator[Any]:
    """Summarize how the equipment is, as of the newest readings: what depends on all history, not on an hour."""
    yield from _build(context, dbt)


@sensor(
    job_name="reference",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_reference_changes(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """The registry or the dbt project has changed: build staging, dimensions and features again."""
    engine = warehouse.engine()
    # One that is under way may have read an older registry: what it built is compared once it is done.
    if is_under_way(context.instance, "reference"):
        return ask_for(context, [], notes=["the reference models are being built"])
    if registry_position(engine) is None:
        return ask_for(context, [], notes=["no site has registered anything yet"])
    content, built = reference_content(engine), reference_builds.newest(engine)
    if built.content == content:
        return ask_for(context, [], notes=["the reference models are up to date"])
    # With its number: what was built before may have to be built again, after a rollback or a restore.
    return ask_for(context, [Work(name=f"reference:{content}:{built.number}", label="reference models")])


@sensor(
    job_name="hourly_rollup",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_touched_hours(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """Loads have touched hours: check them and roll them up, one run per contiguous range (D6).

    A range that fails is cut until the bad hour stands alone; the hours around it go on. Hours that break a threshold
    do not fail: they are held, and asked for once they are let go or newer rows came.
    """
    engine = warehouse.engine()
    if is_under_way(context.instance, "hourly_rollup"):
        return ask_for(context, [], notes=["a rollup is under way"])
    if not is_reference_built(engine):
        return ask_for(context, [], notes=[_REFERENCE_IS_BEHIND])
    # Every run would fail by them, and each hour wait for a person; so they wait for the file alone.
    if problem := thresholds.problem(ExpectationsSettings().thresholds):
        return ask_for(context, [], notes=[problem])
    ranges = ledger.pending_ranges(engine, "rolled_up")
    pieces = (piece for touched in ranges for piece in hour_pieces(touched.start, touched.end))
    works = range_works(context.instance, HOURLY, pieces, partial(ledger.seen, engine, "rolled_up"))
    too_old = [f"hours before {PARTITIONS_START:%F} wait: set MILLRACE_PARTITIONS_START to an earlier date"]
    notes = too_old if ranges and ranges[0].start < PARTITIONS_START else []
    if frozen := ledger.frozen_count(engine):
        notes.append(f"{frozen} hours of dropped days wait for python -m warehouse restore")
    notes += [f"{held}: python -m expectations holds" for held in ledger.held(engine)]
    return ask_for(context, works, notes=notes, most=_settings.ranges_per_tick)


@sensor(
    job_name="daily_kpis",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_summarizable_hours(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """Hours are rolled up or scored anew: compute the local days they belong to."""
    engine = warehouse.engine()
    if is_under_way(context.instance, "daily_kpis"):
        return ask_for(context, [], notes=["daily KPIs are under way"])
    if not is_reference_built(engine):
        return ask_for(context, [], notes=[_REFERENCE_IS_BEHIND])
    zones = site_zones(engine)
    dates = merge(local_dates(hours.start, hours.end, zones) for hours in ledger.pending_ranges(engine, "summarized"))
    pieces = (piece for first, last in dates for piece in day_pieces(first, last))

    def seen(start: date, end: date) -> ledger.Snapshot:
        return ledger.seen(engine, "summarized", *hours_inside(start, end, zones))

    works = range_works(context.instance, DAILY, pieces, seen)
    return ask_for(context, works, most=_settings.ranges_per_tick)
