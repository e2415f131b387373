"""The batch normalisation layer."""

from __future__ import annotations

from typing import Unpack

from graphnet.common.checks import check_flag, check_number
from graphnet.compiler import ops
from graphnet.compiler.ir import BUFFER
from graphnet.compiler.types import known
from graphnet.declare.emitter import Emitter
from graphnet.declare.options import WeightOptions
from graphnet.initializers import Initializer
from graphnet.layers.axis import channel_axis, check_channel_axis
from graphnet.layers.normalization import Normalization

__all__ = ["BatchNorm"]


class BatchNorm(Normalization):
    """y = γ (x - μ) / √(σ² + ε) + β for each channel (Ioffe and Szegedy 2015).

    In training μ and σ² are the mean and the biased variance of the batch, over all axes but the channels'. Outside
    training they are running statistics: the states `<layer>/moving_mean` (from 0) and `<layer>/moving_variance`
    (from 1) and moved by every training step:

        moving ← momentum · moving + (1 - momentum) · batch

    So `momentum` is the share of the old that stays. The variance that goes into the running variance is the unbiased
    one, Σ (x - μ)² / (n - 1), as in the paper's algorithm 2. A batch with one element a channel counts with variance 0.

    Outside training the layer is a scale and a shift for each channel, and folded into a convolution or a Dense before
    it. A layer with `trainable=False` normalises by its running statistics in training too and leaves them as they are.

    Shapes: x and y (N, features) or (N, channels, height, width), or any other with `axis` given; γ, β and the running
    statistics (channels,).

    Keras / PyTorch: `layers.BatchNormalization` / `nn.BatchNorm1d`, `nn.BatchNorm2d`. PyTorch's `momentum` is the share
    of the new that comes in: its 0.1, the default, is 0.9 here, the default too. It is told the channels, refuses a
    batch with one element a channel, and leaves the statistics alone only after `.eval()`. Keras has the channels last,
    momentum 0.99, ε 1e-3, and the biased variance in the running one (`unbiased=False`).

    Args:
        axis: of the channels, counted with the batch as 0; by default the last axis of rows and axis 1 of images.
            Inputs of 3 dims can be (N, channels, length) or (N, steps, features), so it must be given.
        momentum: 0 ≤ momentum < 1.
        epsilon: ε > 0.
        center: whether there is a β.
        scale: whether there is a γ.
        unbiased: whether the running variance is the unbiased one.
        beta_initializer: fills β.
        gamma_initializer: fills γ.
        name: unique in a model.
        trainable: False freezes γ, β and the running statistics.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((1,))
        >>> model = gn.Model(x, gn.layers.BatchNorm(name="bn")(x))
        >>> net = gn.compile(model, loss="mse", optimizer="sgd")
        >>> loss = net.train_on_batch([[0], [2], [4]], [[0], [0], [0]])
        >>> net.states["bn/moving_mean"], net.states["bn/moving_variance"]
        (array([0.2], dtype=float32), array([1.3], dtype=float32))
    """

    def __init__(self, axis: int | None = None, momentum: float = 0.9, epsilon: float = 1e-5, center: bool = True,
                 scale: bool = True, unbiased: bool = True, beta_initializer: str | Initializer = "zeros",
                 gamma_initializer: str | Initializer = "ones", *, name: str | None = None,
                 trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer, name, trainable, **options)
        self.axis = check_channel_axis(self.kind, axis)
        self.momentum = check_number(self.kind, "momentum", momentum, 0, 1)
        self.unbiased = check_flag(self.kind, "unbiased", unbiased)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op and its running statistics."""
        t = b.types[x]
        axis = channel_axis(self.kind, self.axis, t)
        vector = t.with_shape((known(t.shape[axis], f"the number of channels that {self.kind} takes"),))
        gamma = self.gamma(b, vector) if self.scale else b.add(ops.Full(vector.shape, 1.0, t.dtype))
        beta = self.beta(b, vector) if self.center else b.add(ops.Full(vector.shape, 0.0, t.dtype))
        mean = b.read_state(self, "moving_mean", vector, BUFFER)
        variance = b.read_state(self, "moving_variance", vector, BUFFER, 1.0)
        op = ops.BatchNorm(axis, self.momentum, self.epsilon, self.unbiased)
        if not self.trainable:
            return op.scale_and_shift(b, x, gamma, beta, mean, variance)
        y, mean, variance, *_ = b.apply(op, x, gamma, beta, mean, variance)
        b.write_state(self, "moving_mean", mean)
        b.write_state(self, "moving_variance", variance)
        return y
