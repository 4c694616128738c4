"""Carries what the checks of a run saw to the rollup of the same run, so that nothing unchecked is ever settled.

And the pages on which Great Expectations shows it, so that a mart links the validation that let its hours through.

A load may commit between the checks and the rollup. Its rows are left out (dbt_project/macros/judged.sql); and as only
what the checks saw is settled, the hour stays pending and the next run checks it.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

import dagster as dg

from warehouse.ledger import Snapshot

LEDGER: Final = dg.AssetKey(["raw", "touched_hours"])
PAGE: Final = "data_docs"
"""Where a check's metadata has the page of its validation."""

_FIELD: Final = "seen"


def observation(snapshot: Snapshot) -> dg.AssetObservation:
    """The snapshot as something that Dagster keeps with the run and shows with the ledger."""
    return dg.AssetObservation(
        LEDGER, metadata={_FIELD: dg.MetadataValue.text(json.dumps(asdict(snapshot), default=str))}
    )


def seen_by_checks(instance: dg.DagsterInstance, run: dg.DagsterRun | None) -> Snapshot | None:
    """What the checks of the run saw, or those of the run that it takes up; None where there were none."""
    for each in _taken_up(instance, run):
        for entry in instance.all_logs(each.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION):
            observed = entry.asset_observation
            if observed is not None and observed.asset_key == LEDGER:
                return _snapshot(str(observed.metadata[_FIELD].value))
    return None


def pages_of_checks(instance: dg.DagsterInstance, run: dg.DagsterRun | None) -> dict[str, str]:
    """Where Data Docs show what the checks of the run found, or those of the run that it takes up.

    Returns:
        By raw table the address of its suite's validation; empty where there were no checks.
    """
    for each in _taken_up(instance, run):
        pages: dict[str, str] = {}
        for entry in instance.all_logs(each.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            check = entry.asset_check_evaluation
            page = check.metadata.get(PAGE) if check else None
            if check and isinstance(page, dg.UrlMetadataValue) and page.url:
                pages[".".join(check.asset_key.path)] = page.url
        if pages:
            return pages
    return {}


def _taken_up(instance: dg.DagsterInstance, run: dg.DagsterRun | None) -> Iterator[dg.DagsterRun]:
    """A run, the one that it takes up, and so on."""
    while run is not None:
        yield run
        run = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None


def _snapshot(text: str) -> Snapshot:
    content = json.loads(text)
    hours = tuple(datetime.fromisoformat(hour) for hour in content["hours"])
    return Snapshot(tuple(content["site_codes"]), hours, tuple(content["counts"]))
