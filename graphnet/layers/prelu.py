"""PReLU, the activation with a weight."""

from __future__ import annotations

from typing import Unpack

from graphnet.common.checks import check_flag
from graphnet.compiler import ops
from graphnet.compiler.types import known
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.initializers import INITIALIZERS, Constant, Initializer
from graphnet.layers.axis import channel_axis, check_channel_axis

__all__ = ["PReLU"]


class PReLU(Layer):
    """y = x where x > 0, else a · x with a learned slope a (He et al. 2015, eq. 1). The gradient for x at 0 is a.

    Shapes: x of any shape with C channels on `axis`; slope (C,), or (1,) if shared; y like x.

    It has a weight, so it is a layer of its own and no `activation=` of another.

    Keras / PyTorch: `layers.PReLU` / `nn.PReLU(num_parameters=C)`, whose default, one slope for all channels, is
    `shared=True` here. Keras's slopes start at 0, and there is one for each place of the image too, unless its
    `shared_axes` says otherwise.

    Args:
        shared: whether all channels share one slope.
        slope_initializer: fills a; by default 0.25, as in the paper.
        axis: of the channels, counted with the batch as 0; by default axis 1. Inputs of 3 dims can be
            (N, channels, length) or (N, steps, features), so for those it must be given.
        name: unique in a model.
        trainable: False freezes a.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.PReLU()(x)))
        >>> net.predict([[-8, 8]]).tolist()
        [[-2.0, 8.0]]
        >>> net.weights["prelu/slope"].tolist()
        [0.25, 0.25]
    """

    def __init__(self, shared: bool = False, slope_initializer: str | Initializer | None = None,
                 axis: int | None = None,
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.shared = check_flag(self.kind, "shared", shared)
        self.slope_initializer = INITIALIZERS.resolve(
            self.kind, "slope_initializer", Constant(0.25) if slope_initializer is None else slope_initializer)
        self.axis = check_channel_axis(self.kind, axis)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        t = b.types[x]
        axis = channel_axis(self.kind, self.axis, t)
        slopes = 1 if self.shared else known(t.shape[axis], "the number of channels that PReLU takes")
        slope = self.weight(b, "slope", t.with_shape((slopes,)), self.slope_initializer)
        return b.add(ops.PRelu(axis), x, slope)
