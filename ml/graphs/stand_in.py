"""The stand-ins of silent sensors as ONNX: `ml.stand_in` once more, whose words are used here."""

from typing import TYPE_CHECKING, Final

import numpy as np

from ml.arrays import FloatArray
from ml.graphs.builder import DOUBLE, FLOAT, Graph, axes
from ml.stand_in import StandIn

if TYPE_CHECKING:
    from onnx import GraphProto

_BRANCH: Final = "mended_"


def mended(graph: Graph, windows: str, count: str, stand_in: StandIn) -> str:
    """Put stand-ins in the place of silent sensors, where there are any: most windows pay for the question alone.

    Args:
        graph: Is added to.
        windows: Scaled, shape (window, time, sensor), float32.
        count: How many of them are real, shape (1,).
        stand_in: Of the model.
    """
    zero = np.array(0, dtype=np.float32)
    first = graph.op("Slice", windows, axes(0), axes(1), axes(1))
    moves = graph.op("Cast", graph.op("Not", graph.op("Equal", windows, first)), to=FLOAT)
    is_still = graph.op("Equal", graph.op("ReduceMax", moves, axes(1), keepdims=1), zero)
    holes = graph.op("Cast", graph.op("IsNaN", windows), to=FLOAT)
    has_hole = graph.op("Greater", graph.op("ReduceMax", holes, axes(1), keepdims=1), zero)
    silent = graph.op("Or", has_hole, graph.op("And", is_still, stand_in.is_lively))  # (window, 1, sensor)
    real = graph.op("Cast", graph.op("Slice", silent, axes(0), count), to=FLOAT)
    any_silent = graph.op("Greater", graph.op("ReduceSum", real, keepdims=0), zero)
    untouched = Graph(_BRANCH)
    branch = untouched.branch(untouched.op("Identity", windows))
    return graph.op("If", any_silent, then_branch=_stood_in(windows, silent, stand_in), else_branch=branch)


def _stood_in(windows: str, silent: str, stand_in: StandIn) -> "GraphProto":
    """The branch that computes what silent sensors would have said, given the others of the same window."""
    branch, sensor_count = Graph(_BRANCH), len(stand_in.centre)
    speaking = branch.op("Cast", branch.op("Not", silent), to=DOUBLE)  # (window, 1, sensor)
    normal = stand_in.normal_window - stand_in.centre  # (time, sensor)
    usual = stand_in.centre + normal
    departures = branch.op("Sub", branch.op("Cast", windows, to=DOUBLE), usual)
    heard = branch.op("Where", silent, np.array(0.0), departures)
    weights = _regression(branch, speaking, stand_in.covariance, sensor_count)
    expected = branch.op("Add", branch.op("MatMul", heard, weights), usual)
    return branch.branch(branch.op("Where", silent, branch.op("Cast", expected, to=FLOAT), windows))


def _regression(branch: Graph, speaking: str, covariance: FloatArray, sensor_count: int) -> str:
    """Each window's weights of speaking sensors for silent ones, shape (window, speaking, silent); others mean nothing.

    ONNX cannot solve equations. The covariance is swept on each speaking sensor k in turn: A - (A e_k - e_k) (e_k' A +
    e_k') / A_kk leaves the inverse of the speaking block, and beside it that inverse times the other columns
    (Goodnight, A Tutorial on the SWEEP Operator, 1979).
    """
    count = branch.op("Shape", speaking, start=0, end=1)
    swept = branch.op("Expand", covariance, branch.op("Concat", count, axes(sensor_count, sensor_count), axis=0))
    for sensor, unit in enumerate(np.eye(sensor_count)):
        here, after = axes(sensor), axes(sensor + 1)
        row = branch.op("Slice", swept, here, after, axes(1))  # (window, 1, sensor)
        column = branch.op("Slice", swept, here, after, axes(2))  # (window, sensor, 1)
        pivot = branch.op("Slice", row, here, after, axes(2))
        share = branch.op("Div", branch.op("Slice", speaking, here, after, axes(2)), pivot)
        right = branch.op("Mul", branch.op("Add", row, unit), share)
        change = branch.op("Mul", branch.op("Sub", column, unit[:, None]), right)
        swept = branch.op("Sub", swept, change)
    return swept
