"""Activation functions as layers; `activation="relu"` in other layers names them too."""

from __future__ import annotations

from typing import Any, ClassVar

from graphnet.compiler import ops
from graphnet.compiler.op import Op
from graphnet.layers.axis import check_axis_argument, resolve_axis
from graphnet.layers.base import Layer
from graphnet.layers.emitter import Emitter
from graphnet.registry import Registry


class ActivationLayer(Layer):
    """Base of layers that other layers can take as their `activation`. Without weights; the shape stays."""

    op: ClassVar[Op]

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(self.op, x)

    def config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


ACTIVATIONS: Registry[ActivationLayer] = Registry("an activation layer such as ReLU()")


def resolve_activation(owner: str, value: object) -> ActivationLayer | None:
    """The activation that an argument stands for; None is none.

    Raises:
        ArgumentError: it is neither an activation layer nor the name of one.
    """
    return None if value is None else ACTIVATIONS.resolve(owner, "activation", value)


@ACTIVATIONS.register()
class ReLU(ActivationLayer):
    """y = max(x, 0); the gradient at 0 is 0 (Nair and Hinton 2010)."""

    op = ops.Relu()


@ACTIVATIONS.register()
class Sigmoid(ActivationLayer):
    """y = 1 / (1 + exp(-x))."""

    op = ops.Sigmoid()


@ACTIVATIONS.register()
class Tanh(ActivationLayer):
    """y = tanh(x)."""

    op = ops.Tanh()


@ACTIVATIONS.register()
class Softmax(ActivationLayer):
    """y_i = exp(x_i) / Σ_j exp(x_j) over `axis` (Bridle 1990).

    Args:
        axis: counted with the batch as 0, which it must not be; -1 is the last.
        name: unique in a model.
    """

    def __init__(self, axis: int = -1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = check_axis_argument(self.kind, axis)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(ops.Softmax(resolve_axis(self.kind, self.axis, b.types[x])), x)

    def config(self) -> dict[str, Any]:
        """The axis."""
        return {"axis": self.axis}
