"""Convolutions of images."""

from __future__ import annotations

from typing import ClassVar, Unpack

from graphnet.common.checks import check_flag, check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.ops.windows import image_size, resolve_padding
from graphnet.compiler.types import known, show_division
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.initializers import INITIALIZERS, Fans, Initializer
from graphnet.layers.activation import ActivationLayer, resolve_activation
from graphnet.layers.sizes import Margins, check_padding, check_pair

__all__ = ["Conv2D", "DepthwiseConv2D"]


class Convolution(Layer):
    """What all convolutions share: weight, bias and activation."""

    incoming: ClassVar[tuple[int, ...] | None] = None
    """The axes of the filters that lead to one output; None for all but the first."""

    def __init__(self, activation: str | ActivationLayer | None, use_bias: bool,
                 kernel_initializer: str | Initializer, bias_initializer: str | Initializer,
                 name: str | None, trainable: bool, **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.activation = resolve_activation(self.kind, activation)
        self.use_bias = check_flag(self.kind, "use_bias", use_bias)
        self.kernel_initializer = INITIALIZERS.resolve(self.kind, "kernel_initializer", kernel_initializer)
        self.bias_initializer = INITIALIZERS.resolve(self.kind, "bias_initializer", bias_initializer)

    def channels(self, b: Emitter, x: int) -> int:
        """The channels of an input (N, C, …), which must be known."""
        return known(b.types[x].shape[1], f"the number of channels that {self.kind} takes")

    def add_weight(self, b: Emitter, x: int, shape: tuple[int, ...]) -> int:
        """The filters, of this shape and the dtype of x."""
        return self.weight(b, "weight", b.types[x].with_shape(shape), self.kernel_initializer, Fans.convolution(shape),
                           incoming=self.incoming)

    def add_bias(self, b: Emitter, y: int, shape: tuple[int, ...]) -> int:
        """Adds the bias, if there is one, to a result (N, filters, …) of filters of this shape."""
        if not self.use_bias:
            return y
        t = b.types[y].with_shape(b.types[y].shape[1:2])
        return b.add(ops.BiasAdd(1), y, self.weight(b, "bias", t, self.bias_initializer, Fans.convolution(shape)))

    def activate(self, b: Emitter, y: int) -> int:
        """Adds the activation, if there is one."""
        return y if self.activation is None else self.activation.emit(b, y)


def check_groups(owner: str, groups: object, filters: int) -> int:
    """A number of groups that divides the filters.

    Raises:
        ArgumentError: it is anything else.
    """
    checked = check_whole(owner, "groups", groups)
    if filters % checked:
        raise ArgumentError(owner, "groups", groups, f"it must divide filters={filters}")
    return checked


def split_channels(channels: int, groups: int, layout: str) -> int:
    """The channels of a group; `layout` says in words how inputs are laid out.

    Raises:
        ShapeError: the channels do not divide into the groups.
    """
    if channels % groups:
        raise ShapeError(f"{channels} channels do not divide into {groups} groups: {show_division(channels, groups)}",
                         f"choose groups that divides {channels}, or feed a multiple of {groups} channels; {layout}")
    return channels // groups


IMAGES = "images are (N, channels, height, width)"


class Conv2D(Convolution):
    """Cross-correlation of images with learned filters, plus a bias for each filter.

    Shapes: x (N, C, H, W); weight (filters, C / groups, KH, KW), bias (filters,); y (N, filters, OH, OW) with
    OH = floor((H + padding - dilation (KH - 1) - 1) / stride) + 1.

    Keras / PyTorch: `layers.Conv2D` / `nn.Conv2d(in, out, k)`. The layouts are PyTorch's; Keras has by default images
    (N, H, W, C), and weights (KH, KW, C / groups, filters) and `dilation_rate`. PyTorch is told the channels too,
    starts weight and bias from U(±1/√(C / groups · KH · KW)) and refuses "same" with strides. Its `padding_mode` is
    missing: the padding is always 0.

    Args:
        filters: number of output channels.
        kernel_size: a number or (height, width).
        strides: a number or (rows, columns).
        padding: "valid" (none), "same" (OH = ceil(H / stride), an odd pad at the end, as Keras and PyTorch),
            a number for every side, (rows, columns), or ((top, bottom), (left, right)).
        dilation: distance between the elements of a kernel.
        groups: the channels and filters are split in this many groups that do not see one another.
        activation: applied to the result, as a layer or its name ("relu").
        use_bias: whether there is a bias.
        kernel_initializer: fills the weight.
        bias_initializer: fills the bias.
        name: unique in a model.
        trainable: False freezes weight and bias.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((1, 3, 3))
        >>> conv = gn.layers.Conv2D(
        ...     1, 3, padding="same", kernel_initializer="ones")
        >>> net = gn.compile(gn.Model(x, conv(x)))
        >>> net.predict(np.ones((1, 1, 3, 3))).tolist()
        [[[[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]]]
        >>> gn.layers.Conv2D(8, 5, strides=2)(gn.Input((3, 32, 32))).shape
        ('N', 8, 14, 14)
    """

    def __init__(self, filters: int, kernel_size: int | tuple[int, int], strides: int | tuple[int, int] = 1,
                 padding: str | Margins = "valid", dilation: int | tuple[int, int] = 1, groups: int = 1,
                 activation: str | ActivationLayer | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 bias_initializer: str | Initializer = "zeros",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, name, trainable, **options)
        self.filters = check_whole(self.kind, "filters", filters)
        self.kernel_size = check_pair(self.kind, "kernel_size", kernel_size)
        self.strides = check_pair(self.kind, "strides", strides)
        self.padding = check_padding(self.kind, padding)
        self.dilation = check_pair(self.kind, "dilation", dilation)
        self.groups = check_groups(self.kind, groups, self.filters)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the convolution, the bias and the activation."""
        image = image_size(b.types[x].shape, self.kind)
        shape = (self.filters, split_channels(self.channels(b, x), self.groups, IMAGES), *self.kernel_size)
        w = self.add_weight(b, x, shape)
        padding = resolve_padding(self.padding, image, self.kernel_size, self.strides, self.dilation)
        y = b.add(ops.Conv2d(self.strides, padding, self.dilation, self.groups), x, w)
        return self.activate(b, self.add_bias(b, y, shape))


class DepthwiseConv2D(Convolution):
    """Filters each channel by itself: `Conv2D` with as many groups as channels.

    Shapes: x (N, C, H, W); weight (C · depth_multiplier, 1, KH, KW), bias (C · depth_multiplier,);
    y (N, C · depth_multiplier, OH, OW). Filters c · depth_multiplier … belong to channel c.

    Keras / PyTorch: `layers.DepthwiseConv2D` / `nn.Conv2d(C, C · depth_multiplier, k, groups=C)`, with the same weight.
    Keras has it as (KH, KW, C, depth_multiplier), and says `depthwise_initializer` and `dilation_rate`.

    Args:
        kernel_size: a number or (height, width).
        strides: a number or (rows, columns).
        padding: as for `Conv2D`.
        dilation: distance between the elements of a kernel.
        depth_multiplier: number of filters for each channel.
        activation: applied to the result, as a layer or its name ("relu").
        use_bias: whether there is a bias.
        kernel_initializer: fills the weight.
        bias_initializer: fills the bias.
        name: unique in a model.
        trainable: False freezes weight and bias.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((2, 1, 3))
        >>> y = gn.layers.DepthwiseConv2D((1, 2), kernel_initializer="ones")(x)
        >>> net = gn.compile(gn.Model(x, y))
        >>> net.predict([[[[1, 2, 3]], [[10, 20, 30]]]]).tolist()
        [[[[3.0, 5.0]], [[30.0, 50.0]]]]
        >>> net.weights["depthwise_conv2d/weight"].shape
        (2, 1, 1, 2)
    """

    def __init__(self, kernel_size: int | tuple[int, int], strides: int | tuple[int, int] = 1,
                 padding: str | Margins = "valid", dilation: int | tuple[int, int] = 1, depth_multiplier: int = 1,
                 activation: str | ActivationLayer | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 bias_initializer: str | Initializer = "zeros",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, name, trainable, **options)
        self.kernel_size = check_pair(self.kind, "kernel_size", kernel_size)
        self.strides = check_pair(self.kind, "strides", strides)
        self.padding = check_padding(self.kind, padding)
        self.dilation = check_pair(self.kind, "dilation", dilation)
        self.depth_multiplier = check_whole(self.kind, "depth_multiplier", depth_multiplier)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the convolution, the bias and the activation."""
        image, channels = image_size(b.types[x].shape, self.kind), self.channels(b, x)
        shape = (channels * self.depth_multiplier, 1, *self.kernel_size)
        w = self.add_weight(b, x, shape)
        padding = resolve_padding(self.padding, image, self.kernel_size, self.strides, self.dilation)
        y = b.add(ops.Conv2d(self.strides, padding, self.dilation, channels), x, w)
        return self.activate(b, self.add_bias(b, y, shape))
