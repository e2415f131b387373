"""A fused op: several ops run as one, described by a body graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph
from graphnet.compiler.op import Array, Example, Op, Types, f64
from graphnet.compiler.ops.activations import Relu
from graphnet.compiler.ops.linear import BiasAdd, MatMul
from graphnet.compiler.types import Dims, TensorType


@dataclass(frozen=True)
class Fused(Op):
    """y = body(x₀, x₁, …): a root (the first node that is not element-wise, if any) and its element-wise epilogue.

    The inputs and outputs of the op are those of the body, in order. It means exactly what its body means.
    """

    body: Graph

    name = "fused"
    differentiable: ClassVar[bool] = False

    @property
    def root(self) -> Op:
        """The op the kernel is chosen by."""
        return self.body.nodes[0].op

    @property
    def inplace(self) -> tuple[int, ...]:  # type: ignore[override]
        """Inputs that only an element-wise root reads, where it may take over their memory."""
        first, *others = self.body.nodes
        later = {value for node in others for value in node.inputs}
        if not first.op.elementwise:
            return ()
        free = {first.inputs[position] for position in first.op.inplace} - later
        return tuple(i for i, item in enumerate(self.body.inputs) if item.value in free)

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

    def bind(self, dims: Dims) -> Self:
        nodes = tuple(replace(node, op=node.op.bind(dims)) for node in self.body.nodes)
        types = {value: t.bind(dims) for value, t in self.body.types.items()}
        return replace(self, body=replace(self.body, nodes=nodes, types=types))

    def __str__(self) -> str:
        return f"fused{{{' + '.join(str(node.op) for node in self.body.nodes)}}}"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        from graphnet.compiler.builder import Builder
        from graphnet.compiler.ir import Output

        b = Builder("body")
        x, w, bias = (b.input(name, t) for name, t in (("x", f64(3, 4)), ("w", f64(4, 5)), ("b", f64(5))))
        y = b.add(Relu(), b.add(BiasAdd(-1), b.add(MatMul(), x, w), bias))
        body = b.build([Output("y", y)])
        return (Example(cls(body), (f64(3, 4), f64(4, 5), f64(5))),)
