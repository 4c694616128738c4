"""A stored model as it scores: ONNX Runtime judges, the detector explains. Training and MLflow do not belong here."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ml.anomaly_model import AnomalyModel, Judgement
from ml.arrays import FloatArray
from ml.graphs.judgement import INPUT, OUTPUTS, check_parity, judgement_graph
from ml.windows import check_shape

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPH_FILE: Final = "judgement.onnx"

MINIBATCH: Final = 64
"""Windows judged at once: of more, the autoencoder's intermediate results leave the processor's cache."""


@dataclass(frozen=True)
class ServedModel(AnomalyModel):
    """A model that judges by its graph; several threads may ask it at once.

    Attributes:
        session: Runs on the thread that calls it: sharing a minibatch among threads would change the last bits.
    """

    session: "InferenceSession"

    def judge(self, windows: FloatArray) -> Judgement:
        """Judge windows as `AnomalyModel.judge`; each score is the same to the last bit however many there are."""
        check_shape(windows, len(self.sensors))
        values = np.ascontiguousarray(windows, dtype=np.float32)
        names = list(OUTPUTS)
        judged = [
            self.session.run(names, {INPUT: values[start : start + MINIBATCH]})
            for start in range(0, max(len(values), 1), MINIBATCH)
        ]
        columns = {name: np.concatenate(column) for name, column in zip(names, zip(*judged, strict=True), strict=True)}
        return Judgement(**columns)

    @classmethod
    def of(cls, model: AnomalyModel, graph: bytes | None = None) -> "ServedModel":
        """Let a model be judged by its graph, which is written if it is not given."""
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = InferenceSession(graph or judgement_graph(model), options, providers=["CPUExecutionProvider"])
        return cls(**vars(model), session=session)

    @classmethod
    def load(cls, folder: Path) -> "ServedModel":
        """Read what `store` wrote, or `AnomalyModel.save` alone: models of earlier releases have no graph yet."""
        file = folder / GRAPH_FILE
        return cls.of(AnomalyModel.load(folder), file.read_bytes() if file.exists() else None)


def store(model: AnomalyModel, folder: Path, windows: FloatArray) -> None:
    """Write a model and its graph, if the graph says what the model says.

    Args:
        model: Fitted.
        folder: Made where there is none.
        windows: To compare the two on, shape (window, time, sensor), in the sensors' units.

    Raises:
        GraphDisagrees: It does not; nothing is written.
    """
    graph = judgement_graph(model)
    check_parity(model, ServedModel.of(model, graph).judge(windows).score, windows)
    model.save(folder)
    (folder / GRAPH_FILE).write_bytes(graph)
