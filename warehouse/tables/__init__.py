"""Every table that Python writes, in both databases; one file a schema. Tables that dbt builds do not belong here.

`api_metadata` is the ingestion API's own database (schemas `inbox`, `registry`); `warehouse_metadata` is the warehouse
(schemas `raw`, `ml`, `ops`, `restricted`). The Alembic migrations create them; tests compare the two.
"""

from warehouse.tables.alarms import alarm_changes, alarm_states, alarms, last_values
from warehouse.tables.inbox import api_keys, inbox_batches, losses, quarantine, quota_windows
from warehouse.tables.metadata import NAMING, api_metadata, warehouse_metadata
from warehouse.tables.ml import (
    anomalies,
    drift_episodes,
    drift_explanations,
    drift_features,
    promotions,
    remaining_life,
    scores,
)
from warehouse.tables.ops import holds, validation_results
from warehouse.tables.raw import (
    EVENT_KEY,
    batches,
    cursors,
    event_revisions,
    events,
    loads,
    reading_revisions,
    readings,
    reference_builds,
    signals,
    touched_hours,
    warehouse_alarm_changes,
    warehouse_registry_changes,
)
from warehouse.tables.registry import (
    alarm_rules,
    api_signals,
    equipment,
    registry_changes,
    shifts,
    sites,
    work_centers,
    work_units,
    workers,
)
from warehouse.tables.restricted import worker_names
from warehouse.tables.storage import archived_days, closed_days, erasures, retention_rules

__all__ = [
    "EVENT_KEY",
    "NAMING",
    "alarm_changes",
    "alarm_rules",
    "alarm_states",
    "alarms",
    "anomalies",
    "api_keys",
    "api_metadata",
    "api_signals",
    "archived_days",
    "batches",
    "closed_days",
    "cursors",
    "drift_episodes",
    "drift_explanations",
    "drift_features",
    "equipment",
    "erasures",
    "event_revisions",
    "events",
    "holds",
    "inbox_batches",
    "last_values",
    "loads",
    "losses",
    "promotions",
    "quarantine",
    "quota_windows",
    "reading_revisions",
    "readings",
    "reference_builds",
    "registry_changes",
    "remaining_life",
    "retention_rules",
    "scores",
    "shifts",
    "signals",
    "sites",
    "touched_hours",
    "validation_results",
    "warehouse_alarm_changes",
    "warehouse_metadata",
    "warehouse_registry_changes",
    "work_centers",
    "work_units",
    "worker_names",
    "workers",
]
