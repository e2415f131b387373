"""Ops of your own: what to import to write one, and how.

An op is a frozen dataclass; its fields are its attributes. This one is x² with a gradient, written with built-in ops:

    from dataclasses import dataclass

    import graphnet as gn
    from graphnet.custom import TensorType, Types, ops

    @gn.register_op
    @dataclass(frozen=True)
    class Square(gn.Op):
        \"\"\"y = x².\"\"\"

        name = "mylab.square"                            # owner.op: never the name of a built-in op
        elementwise = True                               # may be fused behind a convolution or a matrix product

        def infer(self, x: TensorType) -> Types:         # shapes and dtypes, before anything runs
            return (x,)

        def forward(self, x):                            # the numbers, for any memory layout
            return (x * x,)

        def pullback(self, b, inputs, outputs, grads):   # the gradient, as nodes of the graph
            (grad,) = grads
            if grad is None:
                return (None,)
            return (b.add(ops.Scale(2.0), b.add(ops.Multiply(), grad, inputs[0])),)

    x = gn.Input((3,))
    y = gn.layers.Apply(Square())(x)

An op with weights among its inputs says what they are, `roles = {1: "kernel", 2: "bias"}` by the inputs' numbers:
regularizers, constraints and weight decay go by that (see `compiler/roles.py`). Without it they are kernels.

An op on images says `images = True`: the Program then keeps its values with the batch innermost, as for a convolution.

What `infer`, `forward` and `pullback` return is checked: `forward` must make what `infer` says, to the dtype; nothing
is broadcast or converted. An integer operand that counts something (rows, classes, steps) is declared by
`index_ranges`; by default it may be anything.

Without `register_kernel` the backend runs `forward` and copies its result: on pieces that stay in the cache, if the op
is `elementwise` or `samplewise`. An element-wise op may say its `expression` as well, `return x * x` (the functions
stand in `graphnet.compiler.expression`), which then runs in place of `forward` and allocates nothing. A `.gnet` file
holds the op's name and attributes, never its code: whoever loads the file registers the op first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from graphnet.common.answers import answer_names, answering
from graphnet.compiler import ops
from graphnet.compiler.custom_ops import register_op
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.op import Example, Gradients, Op, Ranges, Types, is_custom
from graphnet.compiler.op import NodeMaker as Builder
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.registry import Bind, Call, Run, Workspace, kernel, no_workspace

__all__ = [
    "Array",
    "Builder",
    "Call",
    "Example",
    "Gradients",
    "Op",
    "Ranges",
    "Run",
    "ShapeError",
    "TensorType",
    "Types",
    "ops",
    "register_kernel",
    "register_op",
]
answer_names(globals())

_Bound = TypeVar("_Bound", bound=Bind)


@answering
def register_kernel(op: type[Op], workspace: Workspace = no_workspace) -> Callable[[_Bound], _Bound]:
    """A decorator for the function that runs a custom op on its arrays, instead of `forward`.

    The function gets a `Call` (the op and its input, output and workspace arrays, which stay the same for all runs) and
    returns a function without arguments that fills the outputs. Arrays may be stored with the batch innermost.

    Args:
        op: the class of a custom op.
        workspace: from the op, its input operands and output operands the types of the scratch arrays it wants.

    Raises:
        ArgumentError: the op is a built-in one.

    Example:
        >>> from dataclasses import dataclass
        >>> @gn.register_op
        ... @dataclass(frozen=True)
        ... class Clip(gn.Op):
        ...     name = "docs.clip"
        ...     differentiable = False
        ...     def infer(self, x): return (x,)
        ...     def forward(self, x): return (np.clip(x, 0, 1),)
        >>> @gn.custom.register_kernel(Clip)
        ... def bind(call):
        ...     (x,), (y,) = call.inputs, call.outputs
        ...     return lambda: np.clip(x, 0, 1, out=y)  # allocates nothing
        >>> x = gn.Input((3,))
        >>> model = gn.Model(x, gn.layers.Apply(Clip())(x))
        >>> gn.compile(model, verify=True).predict([[-1, 0.5, 2]])
        array([[0. , 0.5, 1. ]], dtype=float32)
    """
    name = getattr(op, "name", None)
    if not isinstance(name, str) or not is_custom(name):
        raise ArgumentError("register_kernel", "op", op, "it must be the class of a custom op")
    return kernel(op, workspace=workspace)
