"""Raw assets: pull what each site's ingestion API has stored, exactly once. How rows are loaded is the warehouse's.

See https://docs.dagster.io/guides/build/assets and https://docs.dagster.io/guides/automate/sensors
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import dagster as dg

from orchestration.attempts import is_under_way
from orchestration.columns import table_metadata
from orchestration.defs.partitions import SITES
from orchestration.defs.resources import SitesResource, WarehouseResource
from orchestration.described import sensor
from orchestration.freshness import fresh_for
from orchestration.loaded import SHOWN, of_ledger, of_table
from orchestration.pending import SiteState, site_states
from orchestration.settings import OrchestrationSettings
from orchestration.work import Work, ask_for
from warehouse.loads import loaded_by, newest_batches, newest_load_id

SITE_TAG: Final = "millrace/site"
OWNERS: Final = ["team:data"]
BATCHES: Final = dg.AssetKey(["inbox", "batches"])
CHANGES: Final = dg.AssetKey(["registry", "changes"])
ALARMS: Final = dg.AssetKey(["inbox", "alarm_changes"])
RAW: Final = {
    "registry_changes": "Every change of the registry, in the order it was made. One row per change.",
    "alarm_changes": "Every step of every alarm: raised, acknowledged, cleared. One row per change.",
    "signals": "Equipment and metric by number. One row per signal.",
    "readings": "Sensor readings, the newest version of each. One row per signal and event time.",
    "events": "Observed activities, the newest version of each. One row per source, type, time, work unit and worker.",
    "reading_revisions": "Versions of readings that a newer one replaced. One row per signal, event time and version.",
    "event_revisions": "Versions of events that a newer one replaced. One row per event and version.",
    "loads": "Pages of batches and changes, as they were loaded. One row per load.",
    "batches": "The ingest ledger: what became of each batch. One row per batch in the inbox.",
    "touched_hours": "Which hours loads have touched and what has been computed since. One row per site and hour.",
}
LOGS: Final = {"registry_changes": CHANGES, "alarm_changes": ALARMS}
_settings = OrchestrationSettings()


# Dagster knows what the ingestion APIs hold and never writes it.
upstream = [
    dg.AssetSpec(
        key,
        group_name="ingestion_api",
        kinds={"fastapi", "postgres"},
        owners=OWNERS,
        description=description,
        metadata={"ingestion_apis": dict(_settings.sites), **table_metadata(*key.path)},
    )
    for key, description in (
        (BATCHES, "Accepted batches, as received, in each site's ingestion API. One row per batch."),
        (CHANGES, "Master data (ISA-95) in each site's ingestion API, as a log. One row per change."),
        (ALARMS, "What became of alarms in each site's ingestion API, as a log. One row per change."),
    )
]


@dg.multi_asset(
    name="load_site",
    group_name="raw",
    partitions_def=SITES,
    specs=[
        dg.AssetSpec(
            ["raw", table],
            deps=[LOGS.get(table, BATCHES)],
            kinds={"python", "postgres"},
            description=description,
            owners=OWNERS,
            freshness_policy=fresh_for(_settings.fresh_raw_h),
            metadata=table_metadata("raw", table),
        )
        for table, description in RAW.items()
    ],
)
def raw(
    context: dg.AssetExecutionContext, sites: SitesResource, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Pull one site page by page; rows, ledgers and cursor of a page commit together."""
    from warehouse.load import load_site

    engine, site_code, run_id = warehouse.engine(), context.partition_key, context.run.run_id
    before = newest_load_id(engine)
    with sites.client(site_code) as client:
        summary = load_site(
            engine, client, site_code, dagster_run_id=run_id, progress=lambda so_far: context.log.info(str(so_far))
        )
    kinds = loaded_by(engine, run_id, before)
    newest, page = newest_batches(engine, run_id, before, SHOWN), OrchestrationSettings().site_page(site_code)
    ledger = of_ledger(summary, newest, page)
    own = {"batches": ledger, "touched_hours": {"rows_written": summary.touched_hour_count}}
    for table in RAW:
        yield dg.MaterializeResult(
            asset_key=["raw", table], metadata=own.get(table) or of_table(table, kinds, newest, page)
        )


@sensor(
    job_name="load",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_new_batches(
    context: dg.SensorEvaluationContext, sites: SitesResource, warehouse: WarehouseResource
) -> dg.SensorResult:
    """A site's API holds batches, registry changes or alarm changes that are not loaded: load the site."""
    states = site_states(
        warehouse.engine(), SITES.get_partition_keys(), partial(sites.client, timeout_s=_settings.api_timeout_s)
    )
    notes, works = [], []
    for state in states:
        if state.ahead:
            notes.append(
                f"{state.site_code}: more {', '.join(state.ahead)} are loaded than its ingestion API ever took in. Was"
                " it restored from an older backup? Then some of what it takes in now is never loaded (docs/backup.md)"
            )
        if state.error:
            notes.append(f"{state.site_code}: its ingestion API does not answer ({state.error})")
        if not state.is_behind:
            continue
        if is_under_way(context.instance, "load", {SITE_TAG: state.site_code}):
            notes.append(f"{state.site_code}: a load is under way")
        else:
            works.append(_load(context.instance, state))
    return ask_for(context, works, notes=notes if notes or works else ["all is loaded"])


def _load(instance: dg.DagsterInstance, state: SiteState) -> Work:
    of_site = {SITE_TAG: state.site_code}
    return Work(
        name=f"load:{state.site_code}:{state.content}",
        label=state.site_code,
        tags=of_site,
        partition_key=state.site_code,
        related=instance.get_run_records(dg.RunsFilter(job_name="load", tags=of_site), limit=10),
        # What keeps a load from the data is not the data: it is tried for ever.
        max_attempts=None,
    )
