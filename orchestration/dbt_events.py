"""What dbt did, as Dagster's events: those of dagster-dbt, with the rows written and where each column comes from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster_dbt import DbtCliInvocation

from orchestration.column_lineage import lineage_of
from orchestration.manifest import project_hash

_STATE: Final = "dbt_project"
# How PostgreSQL answers the statement that fills a table; a view is answered otherwise.
_WRITTEN: Final = re.compile(r"(?:INSERT(?: 0)?|SELECT) (\d+)")


def asset_events(invocation: DbtCliInvocation, of_marts: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """Follow dbt to its end, as `invocation.stream()` does.

    Rows are those that the model's statement wrote: of the built range, or of the whole table where a model has none.

    Args:
        invocation: Of dbt.
        of_marts: Metadata of each mart beside; kept for each hour of a range, so there should be little of it.

    Raises:
        DagsterDbtCliRuntimeError: dbt failed.
    """
    for message in invocation.stream_raw_events():
        for event in message.to_default_asset_events(
            manifest=invocation.manifest,
            dagster_dbt_translator=invocation.dagster_dbt_translator,
            context=invocation.context,
            target_path=invocation.target_path,
            project=invocation.project,
        ):
            if isinstance(event, (dg.Output, dg.AssetMaterialization)):
                data = message.raw_event["data"]
                node = invocation.manifest["nodes"][data["node_info"]["unique_id"]]
                beside = of_marts if of_marts and node["schema"] == "marts" else {}
                yield event.with_metadata({**event.metadata, **beside, **_rows(node, data)})
                yield from _lineage(invocation, node)
            else:
                yield event


def _rows(node: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, int]:
    answer = _WRITTEN.fullmatch(data.get("result_message") or data["status"])
    if answer is None:
        return {}
    rows, is_whole = int(answer[1]), "range_column" not in node["config"]["meta"]
    return {"rows_written": rows, **({"dagster/row_count": rows} if is_whole else {})}


def _lineage(invocation: DbtCliInvocation, node: Mapping[str, Any]) -> Iterator[dg.AssetObservation]:
    """Where the columns of a model come from, told once for each state of the dbt project.

    An observation, as a materialization is kept for each hour of a range. Dagster's own entry for it is shown by
    Dagster+ and answered by GraphQL; the pages of a server of one's own show the table.
    """
    compiled = Path(invocation.target_path, "compiled", node["package_name"], node["original_file_path"])
    if invocation.context is None or node["resource_type"] != "model" or not compiled.exists():
        return
    translator, manifest = invocation.dagster_dbt_translator, invocation.manifest

    def key_of(unique_id: str) -> dg.AssetKey:
        return translator.get_asset_spec(manifest, unique_id, invocation.project).key

    key = key_of(node["unique_id"])
    if _is_told(invocation.context.instance, key):
        return
    deps = {
        column: [dg.TableColumnDep(key_of(parent_id), name) for parent_id, name in found]
        for column, found in lineage_of(manifest, node["unique_id"], compiled).items()
    }
    if deps:
        metadata: dict[str, Any] = {
            "columns_come_from": dg.MetadataValue.md(_as_table(deps)),
            "dagster/column_lineage": dg.TableColumnLineage(deps),
            _STATE: project_hash(),
        }
        yield dg.AssetObservation(key, metadata=metadata)


def _is_told(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether Dagster's pages show the lineage of this project; pruning may have forgotten it."""
    newest = instance.fetch_observations(key, limit=1).records
    told = newest[0].asset_observation if newest else None
    return told is not None and _STATE in told.metadata and told.metadata[_STATE].value == project_hash()


def _as_table(deps: Mapping[str, Sequence[dg.TableColumnDep]]) -> str:
    lines = ["column | comes from", "--- | ---"]
    for column, found in deps.items():
        names: dict[str, list[str]] = {}
        for dep in found:
            names.setdefault(".".join(dep.asset_key.path), []).append(dep.column_name)
        sources = "; ".join(f"`{table}`: {', '.join(columns)}" for table, columns in names.items())
        lines.append(f"{column} | {sources or 'no column'}")
    return "\n".join(lines)
