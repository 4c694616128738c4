"""Loading definitions needs dbt's manifest: `make setup` prepares it, and a bare `pytest` does here."""

import pytest

from orchestration.manifest import prepare_manifest


@pytest.fixture(scope="session", autouse=True)
def manifest() -> None:
    """The manifest is there, no older than the dbt project."""
    prepare_manifest()
