"""The script that MLflow stores with a model and runs to load it ("models from code"). It is not to be imported.

It imports nothing of ours: models are loaded where only MLflow, ONNX Runtime, numpy and pandas are. What a judgement is
stands in the graph (`ml.graphs.judgement`).
"""

from pathlib import Path

import mlflow.models
import numpy as np
import onnxruntime
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

FILES = "model"
GRAPH = "judgement.onnx"
MINIBATCH = 64


class AnomalyPyfunc(PythonModel):
    """A trained anomaly model behind MLflow's own interface."""

    session: onnxruntime.InferenceSession

    def load_context(self, context: PythonModelContext) -> None:
        """Read the graph."""
        options = onnxruntime.SessionOptions()
        # A minibatch shared among threads would have other last bits than the platform's own scores.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = Path(context.artifacts[FILES]) / GRAPH
        self.session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    # MLflow knows the bare numpy type only.
    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Judge windows, shape (window, time, sensor), in the sensors' units; one row each."""
        windows = np.ascontiguousarray(model_input, dtype=np.float32)
        names = [output.name for output in self.session.get_outputs()]
        judged = [
            self.session.run(names, {"windows": windows[start : start + MINIBATCH]})
            for start in range(0, max(len(windows), 1), MINIBATCH)
        ]
        columns = map(np.concatenate, zip(*judged, strict=True))
        return pd.DataFrame(dict(zip(names, columns, strict=True)))


mlflow.models.set_model(AnomalyPyfunc())
