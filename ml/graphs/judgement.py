"""The whole judgement of a model as one ONNX graph: windows in the sensors' units in, verdicts out.

What the detectors compute is in `ml.graphs.detectors`. Whoever loads the graph needs none of our code.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from ml.calibration import SCORE_FLOOR, Calibration
from ml.errors import GraphDisagrees
from ml.graphs.builder import DOUBLE, FLOAT, Graph, axes
from ml.graphs.detectors import SCORE_GRAPHS
from ml.graphs.stand_in import mended
from ml.windows import WINDOW_STEPS

if TYPE_CHECKING:
    from ml.anomaly_model import AnomalyModel
    from ml.arrays import FloatArray

INPUT: Final = "windows"
OUTPUTS: Final = {"score": np.float64, "is_anomaly": np.bool_, "probability": np.float64, "confidence": np.float64}

WHOLE: Final = 4
"""Windows are judged in multiples of so many. The last odd rows of a product go through other instructions, which round
differently: filled up, a window has the same score to the last bit in whatever company it is judged."""

PARITY: Final = 1e-5
"""How far, relatively, a graph's scores may be from the detector's own (issue 5)."""


def judgement_graph(model: "AnomalyModel") -> bytes:
    """Write a model as ONNX.

    Args:
        model: Fitted; its detector must be one of `SCORE_GRAPHS`.

    Returns:
        The content of an `.onnx` file: from `windows`, shape (window, 30, sensor), float32, in the sensors' units, to
        `score`, `is_anomaly`, `probability` and `confidence`, shape (window,) each.
    """
    graph = Graph()
    count = graph.op("Shape", INPUT, start=0, end=1)
    scaled = _scaled(graph, _filled_up(graph, count), model)
    prepared = mended(graph, scaled, count, model.stand_in)
    score = SCORE_GRAPHS[model.detector.name](graph, prepared, model.detector.weights())
    probability = _probability(graph, score, model.calibration)
    verdicts = {
        "score": score,
        "is_anomaly": graph.op("Greater", score, np.array(model.threshold)),
        "probability": probability,
        "confidence": graph.op("Max", probability, graph.op("Sub", np.array(1.0), probability)),
    }
    for name, verdict in verdicts.items():
        graph.op("Slice", verdict, axes(0), count, name=name)
    return graph.model(
        {INPUT: (np.float32, ("window", WINDOW_STEPS, len(model.sensors)))},
        {name: (kind, ("window",)) for name, kind in OUTPUTS.items()},
    )


def check_parity(model: "AnomalyModel", judged: "FloatArray", windows: "FloatArray") -> None:
    """Compare a graph's scores with those of the detector it was made from.

    Args:
        model: The original.
        judged: Scores of the graph, shape (window,).
        windows: What was judged, shape (window, time, sensor), in the sensors' units.

    Raises:
        GraphDisagrees: A score is off by more than `PARITY`.
    """
    own = model.judge(windows).score
    off = np.abs(judged - own) / np.maximum(np.abs(own), PARITY)
    if not np.all(off <= PARITY):
        worst = int(np.argmax(off))
        raise GraphDisagrees(
            f"The ONNX graph of {model.detector.name} gives {judged[worst]:.9g} where the detector gives "
            f"{own[worst]:.9g}: it is not to be served. Bring ml.graphs.detectors in line with the detector."
        )


def _filled_up(graph: Graph, count: str) -> str:
    """The windows and as many of zeros as are missing to a multiple of `WHOLE`; at least one, as LSTM takes no none."""
    least = graph.op("Max", count, axes(1))
    missing = graph.op("Add", graph.op("Mod", graph.op("Neg", least), axes(WHOLE)), graph.op("Sub", least, count))
    return graph.op("Pad", INPUT, graph.op("Concat", axes(0, 0, 0), missing, axes(0, 0), axis=0))


def _scaled(graph: Graph, windows: str, model: "AnomalyModel") -> str:
    """Training range to 0-1 (`ml.scaling`), in double as there: a large level leaves few digits to single precision."""
    values = graph.op("Cast", windows, to=DOUBLE)
    shifted = graph.op("Sub", values, model.scaler.low)
    return graph.op("Cast", graph.op("Div", shifted, model.scaler.span), to=FLOAT)


def _probability(graph: Graph, score: str, calibration: Calibration) -> str:
    """Platt's curve (`ml.calibration`)."""
    logarithm = graph.op("Log", graph.op("Max", score, np.array(SCORE_FLOOR)))
    steep = graph.op("Mul", logarithm, np.array(calibration.slope))
    odds = graph.op("Clip", graph.op("Add", steep, np.array(calibration.intercept)), np.array(-700.0), np.array(700.0))
    return graph.op("Sigmoid", odds)
