"""The registered models `anomaly-<equipment_class>` and their alias `champion`. Why it moves stands in `promotions`."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ml.served_model import ServedModel
from ml.settings import MlSettings
from ml.tracking import connect

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

ALIAS: Final = "champion"
PREFIX: Final = "anomaly-"
FILES_OF_MODEL: Final = "artifacts/model"  # where MLflow puts what `ml.tracking` stores


@dataclass(frozen=True)
class Champion:
    """The version of a model that scores."""

    equipment_class: str
    model_name: str
    version: int


def model_name(equipment_class: str) -> str:
    """Name of the registered model of an equipment class."""
    return PREFIX + equipment_class


def champions(settings: MlSettings | None = None, *, prefix: str = PREFIX) -> list[Champion]:
    """The champions of all equipment classes that have one, by name; the prefix is that of the kind of model.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    client = connect(settings or MlSettings())
    found: list[Champion] = []
    token = None
    while True:
        page = client.search_registered_models(order_by=["name ASC"], page_token=token)
        found += [
            Champion(model.name.removeprefix(prefix), model.name, int(model.aliases[ALIAS]))
            for model in page
            if model.name.startswith(prefix) and ALIAS in model.aliases
        ]
        token = page.token
        if not token:
            return found


def champion(equipment_class: str, settings: MlSettings | None = None) -> Champion | None:
    """The champion of one equipment class, if it has one.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    return next((found for found in champions(settings) if found.equipment_class == equipment_class), None)


def register(name: str, model_uri: str, tags: dict[str, str]) -> int:
    """Register a stored model as a new version; returns the version."""
    import mlflow

    return int(mlflow.register_model(model_uri, name, tags=tags).version)


def make_champion(client: "MlflowClient", name: str, version: int) -> None:
    """Move the alias."""
    client.set_registered_model_alias(name, ALIAS, str(version))


def load(name: str, version: int) -> ServedModel:
    """Load a registered version; others load it through MLflow's pyfunc interface.

    `ml.tracking.connect` must have been called in this process.
    """
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        stored = download_artifacts(artifact_uri=f"models:/{name}/{version}/{FILES_OF_MODEL}", dst_path=folder)
        return ServedModel.load(Path(stored))
