"""The element-wise tail of a fused op: what becomes of each vector that its root makes, before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphnet.compiler.expression import Formula
from graphnet.compiler.op import Op, formula_of
from graphnet.compiler.ops.fused import Fused
from graphnet.runtime.native.call import Call, Unsupported, need
from graphnet.runtime.native.formulas import write_formula
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.values import Value

Load = Callable[[int], Value]
"""The value that input i of the call has at a place, as a vector: of a bias, spread; of an array, what is there."""


def expression(op: Op) -> Formula:
    """The formula of an element-wise op.

    Raises:
        Unsupported: it has none.
    """
    formula = formula_of(op, "float32")
    if formula is None:
        raise Unsupported(f"{op.name} has no expression")
    return formula


def write_op(f: Function, op: Op, inputs: Sequence[Value]) -> Value:
    """What an element-wise op makes of the elements at one place."""
    (value,) = write_formula(f, expression(op), inputs)
    return value


class Tail:
    """The epilogue of a fused op, or of an op that has none.

    Args:
        f: the function that is being written.
        call: the op.

    Attributes:
        inputs: positions of the inputs of the call that it reads, besides what the root makes.

    Raises:
        Unsupported: it has sums, or an op without a formula.
    """

    def __init__(self, f: Function, call: Call) -> None:
        self._f, op = f, call.op
        fused = isinstance(op, Fused)
        self._nodes = op.chain[1:] if fused else ()
        self._first = op.chain[0].outputs[0] if fused else -1
        self._places = {item.value: i for i, item in enumerate(op.body.inputs)} if fused else {}
        need(not (fused and op.sums), "sums behind such a root")
        for node in self._nodes:
            expression(node.op)
        self.inputs = sorted({self._places[v] for node in self._nodes for v in node.inputs if v in self._places})

    def __call__(self, value: Value, load: Load) -> Value:
        """What becomes of a vector that the root made."""
        known = {self._first: value} | {v: load(i) for v, i in self._places.items() if i in self.inputs}
        for node in self._nodes:
            value = known[node.outputs[0]] = write_op(self._f, node.op, [known[v] for v in node.inputs])
        return value
