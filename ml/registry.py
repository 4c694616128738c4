"""The registered models `anomaly-<equipment_class>` and their aliases. Why these move stands in `ml.promotions`.

`champion` is the version whose scores count, `challenger` one that scores beside it for a while (`ml.shadow`).
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ml.served_model import ServedModel
from ml.settings import MlSettings
from ml.tracking import connect

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREFIX: Final = "anomaly-"
FILES_OF_MODEL: Final = "artifacts/model"  # where MLflow puts what `ml.tracking` stores


@dataclass(frozen=True)
class Champion:
    """A version of a model that scores.

    Attributes:
        is_shadow: Its scores count for nothing yet.
    """

    equipment_class: str
    model_name: str
    version: int
    is_shadow: bool = False


def model_name(equipment_class: str) -> str:
    """Name of the registered model of an equipment class."""
    return PREFIX + equipment_class


def champions(settings: MlSettings | None = None, *, prefix: str = PREFIX) -> list[Champion]:
    """The champions of all equipment classes that have one, by name; the prefix is that of the kind of model.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    return [found for found in scorers(settings, prefix=prefix) if not found.is_shadow]


def scorers(settings: MlSettings | None = None, *, prefix: str = PREFIX) -> list[Champion]:
    """All that score, by name: every champion and, after it, the challenger beside it.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    client = connect(settings or MlSettings())
    found: list[Champion] = []
    token = None
    while True:
        page = client.search_registered_models(order_by=["name ASC"], page_token=token)
        found += [
            Champion(model.name.removeprefix(prefix), model.name, int(model.aliases[alias]), alias == CHALLENGER)
            for model in page
            if model.name.startswith(prefix)
            for alias in (CHAMPION, CHALLENGER)
            if alias in model.aliases
        ]
        token = page.token
        if not token:
            return found


def champion(equipment_class: str, settings: MlSettings | None = None, *, prefix: str = PREFIX) -> Champion | None:
    """The champion of one equipment class, if it has one; the prefix is that of the kind of model.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    known = champions(settings, prefix=prefix)
    return next((found for found in known if found.equipment_class == equipment_class), None)


def register(name: str, model_uri: str, tags: dict[str, str]) -> int:
    """Register a stored model as a new version; returns the version."""
    import mlflow

    return int(mlflow.register_model(model_uri, name, tags=tags).version)


def make_champion(client: "MlflowClient", name: str, version: int) -> None:
    """Move the alias; nobody scores beside the new champion. The alias moves last: if MLflow refuses, it has not."""
    end_shadow(client, name)
    client.set_registered_model_alias(name, CHAMPION, str(version))


def make_shadow(client: "MlflowClient", name: str, version: int) -> None:
    """Let a version score beside the champion, instead of another that did."""
    client.set_registered_model_alias(name, CHALLENGER, str(version))


def end_shadow(client: "MlflowClient", name: str) -> None:
    """Let nobody score beside the champion."""
    if CHALLENGER in client.get_registered_model(name).aliases:
        client.delete_registered_model_alias(name, CHALLENGER)


def load(name: str, version: int) -> ServedModel:
    """Load a registered version; others load it through MLflow's pyfunc interface.

    `ml.tracking.connect` must have been called in this process.
    """
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        stored = download_artifacts(artifact_uri=f"models:/{name}/{version}/{FILES_OF_MODEL}", dst_path=folder)
        return ServedModel.load(Path(stored))
