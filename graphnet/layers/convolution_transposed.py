"""The transposed convolution of images."""

from __future__ import annotations

from typing import Unpack

from graphnet.common.checks import check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.ops.windows import Pair, Pairs, image_size
from graphnet.constraints import NormConstraint
from graphnet.declare.emitter import Emitter
from graphnet.declare.options import WeightOptions
from graphnet.initializers import Initializer
from graphnet.layers.activation import ActivationLayer
from graphnet.layers.convolution import IMAGES, Convolution, check_groups, split_channels
from graphnet.layers.sizes import Margins, check_padding, check_pair

__all__ = ["ConvTranspose2D"]


class ConvTranspose2D(Convolution):
    """The reverse of `Conv2D` in shape: each element of the input adds a filter, scaled by it, to the output.

    It is the gradient of a `Conv2D` for its input, used as a layer (Dumoulin and Visin 2016, chapter 4).

    Shapes: x (N, C, H, W); weight (C, filters / groups, KH, KW), bias (filters,);
    y (N, filters, OH, OW) with OH = (H - 1) stride - padding + dilation (KH - 1) + 1 + output_padding.

    A constraint on norms takes each output channel, whose weights lie along the axes (0, 2, 3). With groups there are
    none, since a channel takes in a part of axis 0: so there it must say its own, such as `UnitNorm(axes=(2, 3))`.

    Keras / PyTorch: `layers.Conv2DTranspose` / `nn.ConvTranspose2d(in, out, k)`, with the same weight and the same
    numbers for `padding` and `output_padding`, but without "same". Keras has the weight as (KH, KW, filters, C), no
    groups, and with "valid" and a stride larger than the kernel OH = H · stride: the rows that are left over are added
    at the end.

    Args:
        filters: number of output channels.
        kernel_size: a number or (height, width).
        strides: a number or (rows, columns) between the places at which neighbours in the input add their filters.
        padding: rows and columns cut off the full output: "valid" (none), "same" (OH = H · stride, as Keras; an odd one
            is cut off at the end), a number for every side, (rows, columns), or ((top, bottom), (left, right)).
        output_padding: a number or (rows, columns) added at the end, each less than the stride: of the sizes that
            `Conv2D` maps to one the further ones. PyTorch allows it up to the dilation too. Not with "same".
        dilation: distance between the elements of a kernel.
        groups: the channels and filters are split in this many groups that do not see one another.
        activation: applied to the result, as a layer or its name ("relu").
        use_bias: whether there is a bias.
        kernel_initializer: fills the weight. The fans are counted as in PyTorch, as for the `Conv2D` that it reverses.
        bias_initializer: fills the bias.
        name: unique in a model.
        trainable: False freezes weight and bias.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((1, 1, 3))
        >>> layer = gn.layers.ConvTranspose2D(
        ...     1, (1, 3), strides=(1, 2), kernel_initializer="ones")
        >>> net = gn.compile(gn.Model(x, layer(x)))
        >>> net.predict([[[[1, 2, 3]]]]).tolist()  # neighbours overlap by one
        [[[[1.0, 1.0, 3.0, 2.0, 5.0, 3.0, 3.0]]]]
    """

    incoming = (0, 2, 3)

    def __init__(self, filters: int, kernel_size: int | tuple[int, int], strides: int | tuple[int, int] = 1,
                 padding: str | Margins = "valid", output_padding: int | tuple[int, int] = 0,
                 dilation: int | tuple[int, int] = 1, groups: int = 1,
                 activation: str | ActivationLayer | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 bias_initializer: str | Initializer = "zeros",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, name, trainable, **options)
        self.filters = check_whole(self.kind, "filters", filters)
        self.kernel_size = check_pair(self.kind, "kernel_size", kernel_size)
        self.strides = check_pair(self.kind, "strides", strides)
        self.padding = check_padding(self.kind, padding)
        self.output_padding = check_pair(self.kind, "output_padding", output_padding, 0)
        if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
            raise ArgumentError(self.kind, "output_padding", output_padding,
                                f"each must be less than strides={self.strides}")
        if self.padding == "same" and any(self.output_padding):
            raise ArgumentError(self.kind, "output_padding", output_padding,
                                'it must be 0 with padding="same", which says the size of the output already')
        self.dilation = check_pair(self.kind, "dilation", dilation)
        self.groups = check_groups(self.kind, groups, self.filters)
        constraint = self.rules.kernel_constraint
        if self.groups > 1 and isinstance(constraint, NormConstraint) and constraint.axes is None:
            raise ArgumentError(self.kind, "kernel_constraint", constraint,
                                f"with groups={self.groups} an output channel takes in a part of axis 0 of the weight, "
                                f"so it must say its axes: {type(constraint).__name__}(axes=(2, 3)) for each kernel")

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the transposed convolution, the bias and the activation."""
        t, image, channels = b.types[x], image_size(b.types[x].shape, self.kind), self.channels(b, x)
        split_channels(channels, self.groups, IMAGES)
        shape = (channels, self.filters // self.groups, *self.kernel_size)
        w = self.add_weight(b, x, shape)
        padding, extra = self._resolve()
        sides = tuple(self._output(image, axis, padding, extra) for axis in (0, 1))
        op = ops.Conv2dGradInput(self.strides, padding, self.dilation, self.groups, (t.shape[0], self.filters, *sides))
        return self.activate(b, self.add_bias(b, b.add(op, x, w), shape))

    def _extent(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel_size[axis] - 1) + 1

    def _resolve(self) -> tuple[Pairs, Pair]:
        """Padding and output padding as numbers."""
        if self.padding == "valid":
            return ((0, 0), (0, 0)), self.output_padding
        if self.padding != "same":
            return self.padding, self.output_padding
        over = [self._extent(axis) - self.strides[axis] for axis in (0, 1)]
        pairs = [(max(n, 0) // 2, max(n, 0) - max(n, 0) // 2) for n in over]
        return (pairs[0], pairs[1]), (max(-over[0], 0), max(-over[1], 0))

    def _output(self, image: Pair, axis: int, padding: Pairs, extra: Pair) -> int:
        full = (image[axis] - 1) * self.strides[axis] + self._extent(axis) + extra[axis]
        size = full - sum(padding[axis])
        if size < 1:
            raise ShapeError(f"the full output is {full} {('high', 'wide')[axis]}, and the padding cuts off "
                             f"{padding[axis][0]} + {padding[axis][1]}: {full} - {sum(padding[axis])} = {size}",
                             "use less padding, a larger kernel or a larger input; "
                             "images are (N, channels, height, width)")
        return size
