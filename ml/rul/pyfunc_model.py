"""The script that MLflow stores with a model of remaining life and runs to load it. It is not to be imported.

Forecasting itself belongs to `ml.rul.model`.
"""

from pathlib import Path

import mlflow.models
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ml.rul.model import RemainingLifeModel

ARTIFACT = "model"


class RemainingLifePyfunc(PythonModel):
    """A trained model of remaining life behind MLflow's own interface."""

    model: RemainingLifeModel

    def load_context(self, context: PythonModelContext) -> None:
        """Read the files of the model."""
        self.model = RemainingLifeModel.load(Path(context.artifacts[ARTIFACT]))

    # MLflow knows the bare numpy type only.
    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Forecast in steps from windows, shape (window, time, sensor + 1); the last channel is the age, in steps."""
        return pd.DataFrame(vars(self.model.predict(model_input[:, :, :-1], model_input[:, -1, -1])))


mlflow.models.set_model(RemainingLifePyfunc())
