"""The detectors' mathematics once more, as ONNX: from their weights to a graph. Fitting them belongs to `ml.detectors`.

Each function takes scaled windows, shape (window, time, sensor), float32, and returns scores, shape (window,), double.
That they say what the detectors say is checked before a model is registered (`ml.graphs.judgement`). Rows are summed by
products with a vector: a ReduceSum along the last axis adds in an order that depends on where a row lies in memory.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.pca import SPREAD_MARGIN
from ml.detectors.protocol import Weights
from ml.detectors.summaries import SPREAD_FLOOR, SUMMARY_COUNT, smoothing_weights
from ml.graphs.builder import DOUBLE, FLOAT, ML_DOMAIN, Graph, axes
from ml.windows import WINDOW_STEPS

ScoreGraph: TypeAlias = Callable[[Graph, str, Weights], str]


def pca(graph: Graph, windows: str, weights: Weights) -> str:
    """The largest of T², Q and the spread relative to their limits (`ml.detectors.pca`)."""
    components, limits = weights["components"], weights["limits"]
    sensor_count = components.shape[1]
    summaries = _summaries(graph, windows, sensor_count)
    standardised = graph.op("Div", graph.op("Sub", summaries, weights["centre"]), weights["scale"])
    levels = graph.op("Slice", standardised, axes(0), axes(sensor_count), axes(1))
    spreads = graph.op("Slice", standardised, axes(sensor_count), axes(2 * sensor_count), axes(1))
    projected = graph.op("MatMul", levels, components.T)
    rest = graph.op("Sub", levels, graph.op("MatMul", projected, components))
    t2 = graph.op("MatMul", graph.op("Mul", projected, projected), 1.0 / weights["variances"] / limits[0])
    q = graph.op("MatMul", graph.op("Mul", rest, rest), np.full(sensor_count, 1.0 / limits[1]))
    widest = graph.op("ReduceMax", graph.op("Mul", spreads, spreads), axes(1), keepdims=0)
    return graph.op("Max", t2, q, graph.op("Div", widest, limits[2] * SPREAD_MARGIN))


def isolation_forest(graph: Graph, windows: str, weights: Weights) -> str:
    """2 ** (-path / normal path), by ONNX's own trees (`ml.detectors.isolation_forest`)."""
    summaries = graph.op("Cast", _summaries(graph, windows, len(weights["typical"]) // SUMMARY_COUNT), to=FLOAT)
    paths = graph.op("TreeEnsembleRegressor", summaries, domain=ML_DOMAIN, **_trees(weights))
    exponent = -1.0 / (len(weights["feature"]) * weights["scalars"][0])
    halvings = graph.op("Mul", graph.op("Cast", graph.op("Squeeze", paths, axes(1)), to=DOUBLE), exponent)
    return graph.op("Pow", np.array(2.0), halvings)


def lstm_autoencoder(graph: Graph, windows: str, weights: Weights) -> str:
    """Mean absolute error of the reconstruction (`ml.detectors.lstm_autoencoder`)."""
    by_time = graph.op("Transpose", windows, perm=[1, 0, 2])  # (time, window, sensor)
    state = _lstm(graph, by_time, "encoder", weights, output=1)  # (1, window, hidden)
    repeated = graph.op("Tile", state, axes(WINDOW_STEPS, 1, 1))  # (time, window, hidden)
    unrolled = graph.op("Squeeze", _lstm(graph, repeated, "decoder", weights, output=0), axes(1))
    product = graph.op("MatMul", unrolled, weights["output.weight"].T)  # (time, window, sensor)
    difference = graph.op("Sub", graph.op("Add", product, weights["output.bias"]), by_time)
    # As the detector: over time in single precision, over sensors in double.
    errors = graph.op("ReduceMean", graph.op("Abs", difference), axes(0), keepdims=0)
    sensor_count = len(weights["output.bias"])
    return graph.op("MatMul", graph.op("Cast", errors, to=DOUBLE), np.full(sensor_count, 1.0 / sensor_count))


SCORE_GRAPHS: Final[Mapping[str, ScoreGraph]] = {
    "pca": pca,
    "isolation_forest": isolation_forest,
    "lstm_autoencoder": lstm_autoencoder,
}


def _summaries(graph: Graph, windows: str, sensor_count: int) -> str:
    """`ml.detectors.summaries.summarize`: levels and logarithms of spreads, shape (window, 2 * sensor)."""
    time, per_sensor = np.linspace(-0.5, 0.5, WINDOW_STEPS)[:, None], np.eye(sensor_count)
    mean = np.full((WINDOW_STEPS, 1), 1.0 / WINDOW_STEPS)
    values = graph.op("Cast", windows, to=DOUBLE)
    # Products of flat windows, all at once: thousands of products of single windows take ten times as long.
    flat = graph.op("Reshape", values, axes(-1, WINDOW_STEPS * sensor_count))
    levels = graph.op("MatMul", flat, np.kron(smoothing_weights(WINDOW_STEPS)[:, None], per_sensor))
    centred = graph.op("Sub", values, graph.op("ReduceMean", values, axes(1), keepdims=1))
    flat = graph.op("Reshape", centred, axes(-1, WINDOW_STEPS * sensor_count))
    slopes = graph.op("MatMul", flat, np.kron(time / np.square(time).sum(), per_sensor))
    squares = graph.op("MatMul", graph.op("Mul", flat, flat), np.kron(mean, per_sensor))
    explained = graph.op("Mul", graph.op("Mul", slopes, slopes), np.square(time).mean())
    variance = graph.op("Max", graph.op("Sub", squares, explained), np.array(0.0))
    spreads = graph.op("Log", graph.op("Add", graph.op("Sqrt", variance), np.array(SPREAD_FLOOR)))
    return graph.op("Concat", levels, spreads, axis=1)


def _trees(weights: Weights) -> dict[str, Any]:
    """The forest as attributes of ONNX's TreeEnsembleRegressor."""
    feature, split, left, right, path = (weights[name] for name in ("feature", "split", "left", "right", "path_length"))
    reached = np.zeros(left.shape, dtype=bool)
    reached[:, 0] = True
    inner = left != np.arange(left.shape[1])  # a leaf is its own child
    for children in (left, right):
        reached[np.nonzero(inner)[0], children[inner]] = True
    trees, nodes = np.nonzero(reached)
    branches, leaves = inner[reached], ~inner[reached]
    return {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "nodes_treeids": trees.tolist(),
        "nodes_nodeids": nodes.tolist(),
        "nodes_modes": np.where(branches, "BRANCH_LEQ", "LEAF").tolist(),
        "nodes_featureids": feature[reached].tolist(),
        "nodes_values": _floored(split[reached]).tolist(),
        "nodes_truenodeids": np.where(branches, left[reached], 0).tolist(),
        "nodes_falsenodeids": np.where(branches, right[reached], 0).tolist(),
        "target_treeids": trees[leaves].tolist(),
        "target_nodeids": nodes[leaves].tolist(),
        "target_ids": np.zeros(leaves.sum(), dtype=int).tolist(),
        "target_weights": path[reached][leaves].tolist(),
    }


def _floored(splits: FloatArray) -> FloatArray:
    """The largest single-precision numbers not above the splits: the same single-precision values stay below them."""
    rounded = splits.astype(np.float32)
    return np.where(rounded > splits, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _lstm(graph: Graph, sequence: str, layer: str, weights: Weights, *, output: int) -> str:
    """A layer of torch's LSTM; output 0 is every state, 1 the last."""
    input_weights, recurrence, input_bias, bias = (
        _gates_reordered(weights[f"{layer}.{name}_l0"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    biases = np.concatenate([input_bias, bias])[None]
    arguments = (sequence, input_weights[None], recurrence[None], biases)
    return graph.op("LSTM", *arguments, output=output, hidden_size=recurrence.shape[1])


def _gates_reordered(array: FloatArray) -> FloatArray:
    """From torch's input, forget, cell, output to ONNX's input, output, forget, cell."""
    into, forget, cell, out = np.split(array, 4)
    return np.concatenate([into, out, forget, cell])
