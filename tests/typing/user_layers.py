"""Layers as users write them: the type checker must take each of these."""

from __future__ import annotations

from typing import Any

import graphnet as gn
from graphnet.custom import ops


class Swish(gn.layers.Layer):
    """Made of ops, with an argument."""

    def __init__(self, beta: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.beta = beta

    def emit(self, b: gn.layers.Emitter, x: int) -> int:
        return b.add(ops.Multiply(), x, b.add(ops.Sigmoid(), b.add(ops.Scale(self.beta), x)))


class Shift(gn.layers.Layer):
    """With a weight, whose initializer is named."""

    def emit(self, b: gn.layers.Emitter, x: int) -> int:
        size = b.types[x].with_shape(b.types[x].shape[1:])
        return b.add(ops.BiasAdd(1), x, self.weight(b, "shift", size, "zeros"))


def use(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
    """They are called as other layers are."""
    return Shift(name="shift")(Swish(beta=2.0, trainable=False)(x))
