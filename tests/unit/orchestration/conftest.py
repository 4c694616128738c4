"""Loading definitions needs dbt's manifest: `make setup` prepares it, and a bare `pytest` does here."""

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from orchestration.manifest import prepare_manifest


@pytest.fixture(scope="session", autouse=True)
def manifest() -> None:
    """The manifest is there, no older than the dbt project."""
    prepare_manifest()


@pytest.fixture(scope="module")
def defs(manifest: None) -> dg.Definitions:
    """The code location."""
    from orchestration.definitions import defs

    return defs


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> AssetGraph:
    """Its assets."""
    return defs.resolve_asset_graph()
