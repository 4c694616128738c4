"""Marts that are views on raw rows lose what retention drops: docs/storage.md names each of them (C2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.manifest import load_manifest, prepare_manifest

STORAGE = Path(__file__).parents[3] / "docs" / "storage.md"
# Alarms are dropped years later, and have a paragraph of their own.
RAW = {f"source.millrace.raw.{name}" for name in ("readings", "reading_revisions", "events", "event_revisions")}
RAW |= {"source.millrace.ml.scores"}


def reads_raw(manifest: Mapping[str, Any], unique_id: str) -> bool:
    """Whether a model reads raw rows when it is read itself: by way of nothing but views."""
    return any(
        parent in RAW
        or (manifest["nodes"].get(parent, {}).get("config", {}).get("materialized") in {"view", "ephemeral"}
            and reads_raw(manifest, parent))
        for parent in manifest["parent_map"][unique_id]
    )  # fmt: skip


def test_what_reads_raw_rows_leaves_held_hours_out() -> None:
    """What is built by range asks macros/replace_range.sql; all others say so themselves (S0-064)."""
    prepare_manifest()
    manifest = load_manifest()
    forgetful = {
        node["name"]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["schema"] == "marts"
        and "range_column" not in node["config"]["meta"]
        and reads_raw(manifest, unique_id)
        and "is_free(" not in node["raw_code"]
    }
    # How a row came about is asked of any; live hours are those of int_hours_unsettled, which leaves held ones out.
    traces = {"fct_reading_versions", "fct_event_versions"}
    live = {"fct_sensor_readings_hourly_live", "fct_work_unit_hours_live", "fct_worker_hours_live"}
    assert forgetful == traces | live


def test_views_on_raw_rows_are_told() -> None:
    prepare_manifest()
    manifest = load_manifest()
    views = {
        node["name"]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["schema"] == "marts"
        and node["config"]["materialized"] == "view"
        and reads_raw(manifest, unique_id)
    }
    assert "fct_sensor_readings" in views
    told = STORAGE.read_text().split("### After a day is dropped")[1].split("What is said here holds for all others")[0]
    # Live are hours whose raw rows are all there.
    assert {name for name in views if f"marts.{name}`" not in told and not name.endswith("_live")} == set()
