"""Whether the reference models are up to date. When they are built is in `defs`."""

from sqlalchemy import Engine

from orchestration.manifest import project_hash
from orchestration.pending import registry_position
from warehouse import reference_builds


def reference_content(engine: Engine) -> str:
    """Names what the reference models are made from: this dbt project, and the registries as far as they are loaded."""
    return f"{project_hash()}:{registry_position(engine) or ''}"


def is_reference_built(engine: Engine) -> bool:
    """Whether the dimensions know everything that the registry held at the newest load."""
    return reference_builds.newest(engine).content == reference_content(engine)
