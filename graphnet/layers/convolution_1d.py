"""The convolution of sequences."""

from __future__ import annotations

from typing import Unpack

from graphnet.common.checks import check_whole
from graphnet.compiler import ops
from graphnet.compiler.ops.windows import Pair
from graphnet.declare.emitter import Emitter
from graphnet.declare.options import WeightOptions
from graphnet.initializers import Initializer
from graphnet.layers.activation import ActivationLayer
from graphnet.layers.convolution import Convolution, check_groups, split_channels
from graphnet.layers.sequences import (
    SEQUENCES,
    as_image,
    as_sequence,
    check_fits,
    check_span,
    resolve_span,
    sequence_length,
)

__all__ = ["Conv1D"]


class Conv1D(Convolution):
    """Cross-correlation of sequences with learned filters, plus a bias for each filter.

    Shapes: x (N, C, L); weight (filters, C / groups, K), bias (filters,); y (N, filters, OL) with
    OL = floor((L + padding - dilation (K - 1) - 1) / stride) + 1.

    Keras / PyTorch: `layers.Conv1D` / `nn.Conv1d(in, out, k)`. The layouts are PyTorch's; Keras has by default
    sequences (N, L, C), and weights (K, C / groups, filters) and `dilation_rate`. PyTorch is told the channels too,
    starts weight and bias from U(±1/√(C / groups · K)), has no "causal" and refuses "same" with strides. Its
    `padding_mode` is missing.

    Args:
        filters: number of output channels.
        kernel_size: its length K.
        strides: steps from one place of the kernel to the next.
        padding: "valid" (none), "same" (OL = ceil(L / stride), an odd pad at the end, as Keras and PyTorch), "causal"
            (all before: place i of the output sees nothing of the input after i · stride, as Keras), a number for
            both sides, or (before, after).
        dilation: distance between the elements of the kernel.
        groups: the channels and filters are split in this many groups that do not see one another.
        activation: applied to the result, as a layer or its name ("relu").
        use_bias: whether there is a bias.
        kernel_initializer: fills the weight.
        bias_initializer: fills the bias.
        name: unique in a model.
        trainable: False freezes weight and bias.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((1, 4))
        >>> conv = gn.layers.Conv1D(
        ...     1, 2, padding="causal", kernel_initializer="ones")
        >>> net = gn.compile(gn.Model(x, conv(x)))  # y_t = x_{t-1} + x_t
        >>> net.predict([[[1, 2, 3, 4]]]).tolist()
        [[[1.0, 3.0, 5.0, 7.0]]]
        >>> gn.layers.Conv1D(8, 3)(gn.Input((16, 100))).shape
        ('N', 8, 98)
    """

    def __init__(self, filters: int, kernel_size: int, strides: int = 1, padding: str | int | Pair = "valid",
                 dilation: int = 1, groups: int = 1, activation: str | ActivationLayer | None = None,
                 use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 bias_initializer: str | Initializer = "zeros",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, name, trainable, **options)
        self.filters = check_whole(self.kind, "filters", filters)
        self.kernel_size = check_whole(self.kind, "kernel_size", kernel_size)
        self.strides = check_whole(self.kind, "strides", strides)
        self.padding = check_span(self.kind, "padding", padding, "valid", "same", "causal")
        self.dilation = check_whole(self.kind, "dilation", dilation)
        self.groups = check_groups(self.kind, groups, self.filters)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the convolution of an image of height 1, the bias and the activation."""
        length = sequence_length(b, x, self.kind)
        shape = (self.filters, split_channels(self.channels(b, x), self.groups, SEQUENCES), self.kernel_size)
        w = self.add_weight(b, x, shape)
        padding = resolve_span(self.padding, length, self.kernel_size, self.strides, self.dilation)
        check_fits(self.dilation * (self.kernel_size - 1) + 1, length, padding)
        op = ops.Conv2d((1, self.strides), ((0, 0), padding), (1, self.dilation), self.groups)
        y = self.add_bias(b, b.add(op, as_image(b, x), as_image(b, w)), shape)
        return self.activate(b, as_sequence(b, y))
