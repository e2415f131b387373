"""The layer that applies any one op."""

from __future__ import annotations

import inspect

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.op import Op, is_registered
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer

__all__ = ["Apply"]


class Apply(Layer):
    """y = op(x), for an op of your own (see `graphnet.custom`).

    It takes as many inputs as the op's `infer`, or two and more if that is declared as `infer(self, *types)`. Of
    several results `Apply(op).call(x)` returns them all. An op with learned weights needs a layer of its own: derive
    it from `gn.layers.Layer`, and declare weights by `self.weight`.

    Keras / PyTorch: `layers.Lambda` / `torch.autograd.Function`. Keras takes any Python function, whose code goes into
    the model's file; here the file has the op's name and fields. PyTorch's `backward` computes arrays; a `pullback`
    adds ops, which are compiled with all others.

    Args:
        op: an instance of a class registered by `gn.register_op`.
        name: unique in a model.

    Example:
        >>> from graphnet.custom import ops
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Apply(ops.UnitLength(1))(x)))
        >>> print(net.predict([[3, 4], [0, 5]]))
        [[0.6 0.8]
         [0.  1. ]]
    """

    takes_integers = True  # the op's `infer` decides

    def __init__(self, op: Op, *, name: str | None = None) -> None:
        super().__init__(name=name)
        if not isinstance(op, Op):
            raise ArgumentError(self.kind, "op", op, "it must be an instance of a class that derives from gn.Op")
        if not is_registered(op):
            raise ArgumentError(self.kind, "op", op, f"{type(op).__name__} is not registered: put @gn.register_op "
                                                     "above its class")
        self.op = op
        parameters = inspect.signature(op.infer).parameters.values()
        variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.arity = None if variadic else sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in parameters)

    def emit(self, b: Emitter, *inputs: int) -> int | tuple[int, ...]:
        """Adds the op."""
        made = b.apply(self.op, *inputs)
        return made[0] if len(made) == 1 else made
