"""Builds a copy of the marts as known at a past moment (S1-041). How tables show their past is `warehouse.as_known`'s.

The copy is made by the same models: dbt is told another suffix for all its schemas, sources included.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orchestration.dbt_environment import dbt_environment
from orchestration.errors import CopyFailed
from orchestration.manifest import DBT_PROJECT
from warehouse.as_known import HISTORY, begin_copy, suffix_of, trim_dates
from warehouse.engine import create_engine

Dates = tuple[date, date]
"""Site-local dates, half-open."""

_DAY = timedelta(days=1)
# A model that names a schema itself would read the present.
_LITERAL = re.compile(r"\b(?:from|join)\s+(?:raw|ml|ops|seeds|staging|intermediate|marts)\.", re.IGNORECASE)


def build_copy(
    warehouse_url: str,
    manifest: Mapping[str, Any],
    moment: datetime,
    *,
    name: str = "",
    dates: Dates | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Build the marts as known at a moment, in schemas of their own; the real ones are left alone.

    Args:
        warehouse_url: With driver and password.
        manifest: Of the dbt project.
        moment: With a time zone; not in the future.
        name: Of the copy; one of the same name is replaced.
        dates: Site-local dates to build; None: all.
        tell: Called with each line that dbt prints.

    Raises:
        CopyRefused: The moment or the name cannot be.
        CopyFailed: dbt could not build it.
    """
    if dates is not None and dates[0] >= dates[1]:
        raise CopyFailed(f"no date lies from {dates[0]} until before {dates[1]}")
    engine = create_engine(warehouse_url)
    try:
        begin_copy(engine, moment, name)
        without = left_out(manifest)
        if without:
            tell(f"Left out, for want of history: {', '.join(sorted(without))}")
        variables = {"schema_suffix": suffix_of(name)}
        if dates is not None:
            variables |= _range(manifest, dates)
        arguments = ["build", "--exclude-resource-type", "test", "unit_test", "--vars", json.dumps(variables)]
        if without:
            arguments += ["--exclude", *sorted(without)]
        _run_dbt(warehouse_url, arguments, tell)
        if dates is not None:
            dated = [table for table in _dated(manifest) if table.split(".")[1] not in without]
            trim_dates(engine, name, dated, *dates)
    finally:
        engine.dispose()


def left_out(manifest: Mapping[str, Any]) -> set[str]:
    """Names of the models that read something without history, or read it from a model that does."""
    rootless = {
        unique_id
        for unique_id, source in manifest["sources"].items()
        if f"{source['source_name']}.{source['identifier']}" not in HISTORY
    }
    found: set[str] = set()
    queue = [child for source in rootless for child in manifest["child_map"][source]]
    queue += [unique_id for unique_id, node in _models(manifest).items() if _LITERAL.search(node["raw_code"])]
    while queue:
        unique_id = queue.pop()
        if unique_id in _models(manifest) and unique_id not in found:
            found.add(unique_id)
            queue.extend(manifest["child_map"][unique_id])
    return {manifest["nodes"][unique_id]["name"] for unique_id in found}


def reach(manifest: Mapping[str, Any]) -> tuple[int, int]:
    """How many dates before and after its own a date can depend on, along the longest chain of models."""

    @cache
    def of(unique_id: str) -> tuple[int, int]:
        meta = manifest["nodes"][unique_id]["config"]["meta"]
        parents = [of(parent) for parent in manifest["parent_map"][unique_id] if parent in _models(manifest)]
        before, after = (max((parent[side] for parent in parents), default=0) for side in (0, 1))
        # What a date has a say in lies after it; so what has a say in a date lies before it.
        return before + meta.get("days_after", 0), after + meta.get("days_before", 0)

    reaches = [of(unique_id) for unique_id in _models(manifest)]
    return max(before for before, _ in reaches), max(after for _, after in reaches)


def _range(manifest: Mapping[str, Any], dates: Dates) -> dict[str, str]:
    """The range to build so that every row of the dates is complete."""
    before, after = reach(manifest)
    start, end = dates[0] - before * _DAY, dates[1] + after * _DAY
    # Local dates reach 14 hours before their UTC day and 12 after it.
    return {
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "start_hour": f"{start - _DAY}T00:00:00Z",
        "end_hour": f"{end + _DAY}T00:00:00Z",
    }


def _dated(manifest: Mapping[str, Any]) -> list[str]:
    """Marts that dbt builds by date, as schema.table; what is behind them, views may read as a whole."""
    return [
        f"{node['schema']}.{node['name']}"
        for node in _models(manifest).values()
        if node["schema"] == "marts"
        and node["config"]["materialized"] == "incremental"
        and node["config"]["meta"].get("range_column") == "date"
    ]


def _models(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def _run_dbt(warehouse_url: str, arguments: list[str], tell: Callable[[str], None]) -> None:
    dbt = Path(sys.executable).with_name("dbt")
    with TemporaryDirectory(prefix="millrace-as-known-") as scratch:
        # A target of its own: the manifest in dbt_project/target is the one of the real schemas.
        places = ["--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", scratch]
        process = subprocess.Popen(
            [str(dbt), *arguments, *map(str, places), "--log-path", scratch],
            env={**os.environ, **dbt_environment(warehouse_url)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            assert process.stdout is not None  # noqa: S101
            for line in process.stdout:
                tell(line.rstrip())
    if process.returncode:
        raise CopyFailed("dbt could not build the copy; its output says why")
