"""Convolution layers."""

from __future__ import annotations

from typing import Any

from graphnet.checks import check_flag, check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.ops.windows import check_padding, check_pair, image_size, resolve_padding
from graphnet.compiler.types import known, show_division
from graphnet.initializers import INITIALIZERS, Fans, Initializer
from graphnet.layers.activation import ActivationLayer, resolve_activation
from graphnet.layers.base import Layer
from graphnet.layers.emitter import Emitter


class Conv2D(Layer):
    """Cross-correlation of images with learned filters, plus a bias for each filter.

    Shapes: x (N, C, H, W); weight (filters, C / groups, KH, KW), bias (filters,); y (N, filters, OH, OW) with
    OH = floor((H + padding - dilation (KH - 1) - 1) / stride) + 1.

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
    """

    def __init__(self, filters: int, kernel_size: int | tuple[int, int], strides: int | tuple[int, int] = 1,
                 padding: Any = "valid", dilation: int | tuple[int, int] = 1, groups: int = 1,
                 activation: str | ActivationLayer | None = None, use_bias: bool = True,
                 kernel_initializer: str | Initializer = "glorot_uniform",
                 bias_initializer: str | Initializer = "zeros",
                 *, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self.filters = check_whole(self.kind, "filters", filters)
        self.kernel_size = check_pair(self.kind, "kernel_size", kernel_size)
        self.strides = check_pair(self.kind, "strides", strides)
        self.padding = check_padding(self.kind, padding)
        self.dilation = check_pair(self.kind, "dilation", dilation)
        self.groups = check_whole(self.kind, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(self.kind, "groups", groups, f"it must divide filters={filters}")
        self.activation = resolve_activation(self.kind, activation)
        self.use_bias = check_flag(self.kind, "use_bias", use_bias)
        self.kernel_initializer = INITIALIZERS.resolve(self.kind, "kernel_initializer", kernel_initializer)
        self.bias_initializer = INITIALIZERS.resolve(self.kind, "bias_initializer", bias_initializer)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the convolution, the bias and the activation."""
        t = b.types[x]
        image = image_size(t.shape, self.kind)
        shape = (self.filters, self._channels_per_group(known(t.shape[1], "the channels that Conv2D takes")),
                 *self.kernel_size)
        fans = Fans.convolution(shape)
        w = self.weight(b, "weight", t.with_shape(shape), self.kernel_initializer, fans)
        padding = resolve_padding(self.padding, image, self.kernel_size, self.strides, self.dilation)
        y = b.add(ops.Conv2d(self.strides, padding, self.dilation, self.groups), x, w)
        if self.use_bias:
            bias = self.weight(b, "bias", t.with_shape((self.filters,)), self.bias_initializer, fans)
            y = b.add(ops.BiasAdd(1), y, bias)
        return y if self.activation is None else self.activation.emit(b, y)

    def _channels_per_group(self, channels: int) -> int:
        if channels % self.groups:
            raise ShapeError(f"{channels} channels do not divide into {self.groups} groups: "
                             f"{show_division(channels, self.groups)}",
                             f"choose groups that divides {channels}, or feed a multiple of {self.groups} "
                             "channels; images are (N, channels, height, width)")
        return channels // self.groups

    def config(self) -> dict[str, Any]:
        """The arguments."""
        return {"filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides,
                "padding": self.padding, "dilation": self.dilation, "groups": self.groups,
                "activation": self.activation, "use_bias": self.use_bias,
                "kernel_initializer": self.kernel_initializer, "bias_initializer": self.bias_initializer}
