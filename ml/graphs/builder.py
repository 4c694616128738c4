"""Writes an ONNX graph operation by operation. What the operations compute does not belong here.

Operators: https://onnx.ai/onnx/operators/. They run in the order in which they were written.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto

OPSET: Final = 21
ML_DOMAIN: Final = "ai.onnx.ml"
FLOAT: Final = 1
DOUBLE: Final = 11
"""Element types, as attributes name them (TensorProto.DataType)."""

_ML_OPSET: Final = 3
_IR_VERSION: Final = 10
"""As old as the operators allow, so that runtimes some years old load the graph too."""

Value: TypeAlias = str | NDArray[Any]
"""The name of what an operation returned, or a constant."""

Shape: TypeAlias = Sequence[int | str]
"""Sizes of the axes; a name stands for any size."""


class Graph:
    """A graph that is being written.

    Args:
        prefix: Of the names of its results, which must differ from those of a graph around it.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def op(self, kind: str, *inputs: Value, output: int = 0, name: str = "", domain: str = "", **options: Any) -> str:
        """Add an operation; returns the name of its result.

        Args:
            kind: The operator, such as `MatMul`.
            inputs: Names of earlier results, or constants, which keep their type.
            output: Which of the operator's results is wanted.
            name: The result's; made up where empty.
            domain: Of the operator.
            options: Its attributes.
        """
        from onnx import helper

        result = name or f"{self._prefix}{kind.lower()}_{len(self._nodes)}"
        arguments = [given if isinstance(given, str) else self._constant(given) for given in inputs]
        self._nodes.append(helper.make_node(kind, arguments, [""] * output + [result], domain=domain, **options))
        return result

    def branch(self, result: str) -> "GraphProto":
        """What was written, as a branch of an `If` of another graph, whose results it may use.

        Args:
            result: The branch's own, whose type and shape are those of the other branch.
        """
        from onnx import ValueInfoProto, helper

        return helper.make_graph(self._nodes, result, [], [ValueInfoProto(name=result)], self._constants)

    def model(self, inputs: Mapping[str, tuple[type, Shape]], outputs: Mapping[str, tuple[type, Shape]]) -> bytes:
        """The finished graph, checked, as the content of an `.onnx` file.

        Args:
            inputs: Type and shape by name.
            outputs: The same of results.
        """
        from onnx import checker, helper

        graph = helper.make_graph(self._nodes, "judgement", _values(inputs), _values(outputs), self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, _ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="millrace")
        checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"{self._prefix}constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def axes(*numbers: int) -> NDArray[np.int64]:
    """Axes or sizes, as operators take them."""
    return np.array(numbers, dtype=np.int64)


def _values(described: Mapping[str, tuple[type, Shape]]) -> "list[ValueInfoProto]":
    from onnx import helper

    return [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), list(shape))
        for name, (kind, shape) in described.items()
    ]
