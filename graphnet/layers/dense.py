"""The fully connected layer."""

from __future__ import annotations

from typing import Unpack

from graphnet.common.checks import check_flag, check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.types import format_shape, known
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.initializers import INITIALIZERS, Fans, Initializer
from graphnet.layers.activation import ActivationLayer, resolve_activation

__all__ = ["Dense"]


class Dense(Layer):
    """y = f(x W + b).

    Shapes: x (N, features); weight W (features, units), bias b (units,); y (N, units). On sequences (N, T, features)
    each step gets the same W and b: y (N, T, units).

    Keras / PyTorch: `layers.Dense` / `nn.Linear(in, out)`, which is told the number of features too, keeps W as (out,
    in) and starts W and b from U(±1/√features). Both also take more than 3 dims.

    Args:
        units: number of outputs.
        activation: f, as a layer or its name ("relu"); None for the identity.
        use_bias: whether there is a b.
        kernel_initializer: fills W.
        bias_initializer: fills b.
        name: unique in a model.
        trainable: False freezes W and b.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((2,))
        >>> y = gn.layers.Dense(3, kernel_initializer="ones", name="sums")(x)
        >>> net = gn.compile(gn.Model(x, y))
        >>> net.predict([[1, 2]]).tolist()
        [[3.0, 3.0, 3.0]]
        >>> {name: w.shape for name, w in net.weights.items()}
        {'sums/weight': (2, 3), 'sums/bias': (3,)}
    """

    def __init__(self, units: int, activation: str | ActivationLayer | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 bias_initializer: str | Initializer = "zeros",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.units = check_whole(self.kind, "units", units)
        self.activation = resolve_activation(self.kind, activation)
        self.use_bias = check_flag(self.kind, "use_bias", use_bias)
        self.kernel_initializer = INITIALIZERS.resolve(self.kind, "kernel_initializer", kernel_initializer)
        self.bias_initializer = INITIALIZERS.resolve(self.kind, "bias_initializer", bias_initializer)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the product, the bias and the activation."""
        t = b.types[x]
        if t.rank not in (2, 3):
            raise ShapeError(f"Dense takes rows (N, features), got {format_shape(t.shape)}: "
                             f"{t.rank} dim{'s' * (t.rank > 1)} instead of 2",
                             "declare gn.Input((1,)) for single numbers" if t.rank < 2
                             else "put gn.layers.Flatten() before it")
        shape = (known(t.shape[-1], "the number of features that Dense takes"), self.units)
        fans = Fans.dense(shape)
        w = self.weight(b, "weight", t.with_shape(shape), self.kernel_initializer, fans)
        y = b.add(ops.MatMul(), x, w)
        if self.use_bias:
            bias = self.weight(b, "bias", t.with_shape((self.units,)), self.bias_initializer, fans)
            y = b.add(ops.BiasAdd(-1), y, bias)
        return y if self.activation is None else self.activation.emit(b, y)
