"""Carries what the checks of a run saw to the rollup of the same run, so that nothing unchecked is ever settled.

A load may commit between the checks and the rollup. Its rows are then rolled up unchecked; but as only what the checks
saw is settled, the hour stays pending and the next run checks it.
"""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Final

import dagster as dg

from warehouse.ledger import Snapshot

LEDGER: Final = dg.AssetKey(["raw", "touched_hours"])
_FIELD: Final = "seen"


def observation(snapshot: Snapshot) -> dg.AssetObservation:
    """The snapshot as something that Dagster keeps with the run and shows with the ledger."""
    return dg.AssetObservation(
        LEDGER, metadata={_FIELD: dg.MetadataValue.text(json.dumps(asdict(snapshot), default=str))}
    )


def seen_by_checks(instance: dg.DagsterInstance, run: dg.DagsterRun | None) -> Snapshot | None:
    """What the checks of the run saw, or those of the run that it takes up; None where there were none."""
    while run is not None:
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION):
            observed = entry.asset_observation
            if observed is not None and observed.asset_key == LEDGER:
                return _snapshot(str(observed.metadata[_FIELD].value))
        run = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    return None


def _snapshot(text: str) -> Snapshot:
    content = json.loads(text)
    hours = tuple(datetime.fromisoformat(hour) for hour in content["hours"])
    return Snapshot(tuple(content["site_codes"]), hours, tuple(content["counts"]))
