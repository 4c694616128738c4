"""The script that MLflow stores with a model and runs to load it ("models from code"). It is not to be imported.

Judging itself belongs to `ml.anomaly_model`.
"""

from pathlib import Path

import mlflow.models
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ml.anomaly_model import AnomalyModel

ARTIFACT = "model"


class AnomalyPyfunc(PythonModel):
    """A trained anomaly model behind MLflow's own interface."""

    model: AnomalyModel

    def load_context(self, context: PythonModelContext) -> None:
        """Read the files of the model."""
        self.model = AnomalyModel.load(Path(context.artifacts[ARTIFACT]))

    # MLflow knows the bare numpy type only.
    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Judge windows, shape (window, time, sensor), in the sensors' units; one row each."""
        return pd.DataFrame(vars(self.model.judge(model_input)))


mlflow.models.set_model(AnomalyPyfunc())
