"""Activations that join the elements along an axis."""

from __future__ import annotations

from typing import ClassVar

from graphnet.compiler import ops
from graphnet.declare.emitter import Emitter
from graphnet.layers.activation import ACTIVATIONS, ActivationLayer
from graphnet.layers.axis import check_axis_argument, resolve_axis

__all__ = ["LogSoftmax", "Softmax"]


class _AlongAxis(ActivationLayer):
    """An activation that joins the elements along an axis."""

    along: ClassVar[type[ops.Softmax | ops.LogSoftmax]]

    def __init__(self, axis: int = -1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = check_axis_argument(self.kind, axis)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        return b.add(self.along(resolve_axis(self.kind, self.axis, b.types[x])), x)


@ACTIVATIONS.register()
class Softmax(_AlongAxis):
    """y_i = exp(x_i) / Σ_j exp(x_j) over `axis` (Bridle 1990).

    Keras / PyTorch: `layers.Softmax` / `nn.Softmax(dim)`, whose `dim` should be said: left out, it is 0 or 1 depending
    on the number of dims. PyTorch's `nn.Softmax2d` is `Softmax(axis=1)`.

    Args:
        axis: counted with the batch as 0, which it must not be; -1 is the last.
        name: unique in a model.

    Example:
        >>> x = gn.Input((3,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Softmax()(x)))
        >>> print(net.predict([[0, 0, np.log(2)], [0, 0, 1000]]))
        [[0.25 0.25 0.5 ]
         [0.   0.   1.  ]]
    """

    along = ops.Softmax


@ACTIVATIONS.register()
class LogSoftmax(_AlongAxis):
    """y_i = x_i - log Σ_j exp(x_j) over `axis`, computed so that it neither overflows nor becomes -∞.

    Keras / PyTorch: `layers.Activation("log_softmax")` / `nn.LogSoftmax(dim)`, whose `dim` should be said: left out, it
    is 0 or 1 depending on the number of dims.

    Args:
        axis: counted with the batch as 0, which it must not be; -1 is the last.
        name: unique in a model.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.LogSoftmax()(x)))
        >>> net.predict([[0, 1000]]).tolist()
        [[-1000.0, 0.0]]
    """

    along = ops.LogSoftmax
