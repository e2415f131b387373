"""A fused op: several ops run as one, described by a body graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.index_ranges import index_ranges
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.op import Example, Op, Ranges, Types, f64
from graphnet.compiler.ops.activations import Relu
from graphnet.compiler.ops.arithmetic import Multiply
from graphnet.compiler.ops.linear import BiasAdd, MatMul
from graphnet.compiler.ops.reduction import ReduceSum, Reduction
from graphnet.compiler.ops.wiring import wiring_text
from graphnet.compiler.types import Array, Dims, TensorType

__all__ = ["Fused"]


@dataclass(frozen=True)
class Fused(Op):
    """y, z₁, … = body(x₀, x₁, …): a root, its element-wise epilogue, and sums of what they make over some axes.

    The root is the first node, whether element-wise or not. The inputs and outputs of the op are those of the body, in
    order; y is among them if anybody needs it besides the sums. It means exactly what its body means.
    """

    body: Graph

    name = "fused"
    differentiable: ClassVar[bool] = False

    @property
    def chain(self) -> tuple[Node, ...]:
        """The root and its epilogue, each of which transforms what the one before made."""
        return tuple(node for node in self.body.nodes if not isinstance(node.op, Reduction))

    @property
    def sums(self) -> tuple[Reduction, ...]:
        """The reductions of what the chain makes."""
        return tuple(node.op for node in self.body.nodes if isinstance(node.op, Reduction))

    @property
    def gives_chain(self) -> bool:
        """Whether the first output is what the chain makes."""
        return self.body.outputs[0].value == self.chain[-1].outputs[0]

    @property
    def images(self) -> bool:  # type: ignore[override]
        """Whether an op of the body works on images."""
        return any(node.op.images for node in self.body.nodes)

    @property
    def inplace(self) -> tuple[int, ...]:  # type: ignore[override]
        """Inputs that only an element-wise root reads, where it may take over their memory."""
        first, *others = self.body.nodes
        later = {value for node in others for value in node.inputs}
        if not first.op.elementwise or not self.gives_chain:
            return ()
        free = {first.inputs[position] for position in first.op.inplace} - later
        return tuple(i for i, item in enumerate(self.body.inputs) if item.value in free)

    def separates(self, *inputs: TensorType) -> bool:
        types = self.body.types
        return all(node.op.separates(*(types[v] for v in node.inputs)) for node in self.body.nodes)

    def infer(self, *types: TensorType) -> Types:
        if len(types) != len(self.body.inputs):
            raise ShapeError(f"the fused body {self.body.name} takes {len(self.body.inputs)} inputs, got {len(types)}")
        made = dict(zip((i.value for i in self.body.inputs), types, strict=True))
        for node in self.body.nodes:
            made.update(zip(node.outputs, node.op.infer(*(made[v] for v in node.inputs)), strict=True))
        return tuple(made[o.value] for o in self.body.outputs)

    def forward(self, *inputs: Array) -> tuple[Array, ...]:
        feeds = {i.name: array for i, array in zip(self.body.inputs, inputs, strict=True)}
        values = interpret(self.body, feeds)
        return tuple(values[o.value] for o in self.body.outputs)

    def flops(self, inputs: Types, outputs: Types) -> int:
        types = self.body.types
        return sum(node.op.flops(tuple(types[v] for v in node.inputs), tuple(types[v] for v in node.outputs))
                   for node in self.body.nodes)

    def index_ranges(self, *types: TensorType) -> Ranges:
        positions = {item.name: position for position, item in enumerate(self.body.inputs)}
        return {positions[found.name]: (found.least, found.most) for found in index_ranges(self.body)}

    def bind(self, dims: Dims) -> Self:
        nodes = tuple(replace(node, op=node.op.bind(dims)) for node in self.body.nodes)
        types = {value: t.bind(dims) for value, t in self.body.types.items()}
        return replace(self, body=replace(self.body, nodes=nodes, types=types))

    def __str__(self) -> str:
        return f"fused{{{wiring_text(self.body)}}}"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        from graphnet.compiler.builder import Builder
        from graphnet.compiler.ir import Output

        b = Builder("body")
        x, w, bias = (b.input(name, t) for name, t in (("x", f64(3, 4)), ("w", f64(4, 5)), ("b", f64(5))))
        y = b.add(Relu(), b.add(BiasAdd(-1), b.add(MatMul(), x, w), bias))
        body = b.build([Output("y", y)])
        summed = Builder("body")
        g, kept = (summed.input(name, f64(3, 4)) for name in ("g", "y"))
        product = summed.add(Multiply(), g, kept)
        both = summed.build([Output("y", product), Output("z", summed.add(ReduceSum((0,)), product))])
        return (Example(cls(body), (f64(3, 4), f64(4, 5), f64(5))), Example(cls(both), (f64(3, 4), f64(3, 4))))
