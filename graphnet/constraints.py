"""Constraints: sets that weights are put back into after each step."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from graphnet.common.answers import answer_names
from graphnet.common.checks import check_number
from graphnet.common.frozen import Kept
from graphnet.common.plain import as_items, as_whole
from graphnet.common.registry import Registry
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import Shape, format_shape

__all__ = ["CONSTRAINTS", "Constraint", "MaxNorm", "NonNegative", "UnitNorm"]
answer_names(globals())


@dataclass(frozen=True)
class Constraint(Kept):
    """Base of all constraints.

    One of your own is a frozen dataclass with `op`, registered by `@gn.constraints.CONSTRAINTS.register()`.

    Keras / PyTorch: `constraints.Constraint` / –, where one changes the weight after `optimizer.step()`.

    Example:
        >>> layer = gn.layers.Dense(8, kernel_constraint="unit_norm")
        >>> layer.rules.kernel_constraint
        UnitNorm(axes=None)
    """

    _instead = "a constraint stays as it was declared: declare a new {kind} and layers with it, kernel_constraint=…"

    @abstractmethod
    def op(self, shape: Shape) -> ops.Constraint:
        """The op that puts a weight of this shape back.

        Raises:
            ShapeError: the constraint does not fit it.
        """

    def with_axes(self, axes: tuple[int, ...] | None) -> Self:
        """The constraint for a weight whose outputs each take in what lies along these axes, unless it has its own."""
        return self


CONSTRAINTS: Registry[Constraint] = Registry("a Constraint such as MaxNorm(2)", "Constraints by name")
"""All constraints by name; `.names` lists them, and `@CONSTRAINTS.register()` above a class of your own adds it."""


@CONSTRAINTS.register("non_neg")
@dataclass(frozen=True)
class NonNegative(Constraint):
    """Negative elements become 0.

    Keras / PyTorch: `constraints.NonNeg` / –, where one calls `weight.clamp_(min=0)` after each step.

    Example:
        >>> x = gn.Input((2,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones", name="sum",
        ...     kernel_constraint="non_negative")(x)
        >>> net = gn.compile(gn.Model(x, y), loss="mse", optimizer="sgd")
        >>> loss = net.train_on_batch([[100, 0]], [[-100]])
        >>> net.weights["sum/weight"].tolist()
        [[0.0], [1.0]]
    """

    def op(self, shape: Shape) -> ops.Constraint:
        """Takes any shape."""
        return ops.NonNegative()


@dataclass(frozen=True)
class NormConstraint(Constraint):
    """What MaxNorm and UnitNorm share: the axes that a norm is taken over.

    By default these are the axes of what comes in to one output, as the layer declares them: 0 of a matrix (in, out),
    all but 0 of filters (out, in, *kernel), all but 1 of those of a transposed convolution (in, out, *kernel), 1 of the
    table of an embedding (as `max_norm` of PyTorch's; Keras has 0), all of a bias, scale or slope.
    """

    axes: tuple[int, ...] | None = field(default=None, kw_only=True)

    default: ClassVar[str] = "it must be None or a tuple of different axes ≥ 0, in ascending order"

    def __post_init__(self) -> None:
        if self.axes is None:
            return
        axes = [as_whole(axis, 0) for axis in as_items(self.axes) or (None,)]
        known = tuple(sorted({axis for axis in axes if axis is not None}))
        if list(known) != axes:
            raise ArgumentError(type(self).__name__, "axes", self.axes, self.default)
        self.keep("axes", known)

    def with_axes(self, axes: tuple[int, ...] | None) -> Self:
        """With the axes, unless it has its own."""
        return self if axes is None or self.axes is not None else replace(self, axes=axes)

    def axes_of(self, shape: Shape) -> tuple[int, ...]:
        """The axes for a weight of this shape.

        Raises:
            ShapeError: it has no such axes.
        """
        if self.axes is None:
            return (0,) if len(shape) <= 2 else tuple(range(1, len(shape)))
        if self.axes[-1] >= len(shape):
            raise ShapeError(f"{type(self).__name__} has axes {self.axes}, but the weight {format_shape(shape)} has "
                             f"{len(shape)} dims", "choose axes of the weight, or None")
        return self.axes


@CONSTRAINTS.register()
@dataclass(frozen=True)
class UnitNorm(NormConstraint):
    """The weights of each output have norm 1: w ← w / ‖w‖₂. A norm of 0 stays 0.

    Keras / PyTorch: `constraints.UnitNorm` / –, where one calls `F.normalize` on the weight after each step. Keras's
    `axis=0` fits a Dense; of filters it wants the axes said.

    Args:
        axes: what the norm is taken over; None for all that comes in to one output.

    Example:
        >>> x = gn.Input((4,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones", name="sum",
        ...     kernel_constraint="unit_norm")(x)
        >>> net = gn.compile(gn.Model(x, y), loss="mse", optimizer="sgd")
        >>> loss = net.train_on_batch([[0, 0, 0, 0]], [[0]])
        >>> net.weights["sum/weight"].tolist()  # their norm was 2
        [[0.5], [0.5], [0.5], [0.5]]
    """

    def op(self, shape: Shape) -> ops.Constraint:
        """With the axes for the shape."""
        return ops.UnitNorm(self.axes_of(shape))


@CONSTRAINTS.register()
@dataclass(frozen=True)
class MaxNorm(NormConstraint):
    """The weights of each output have at most this norm: w ← w · min(1, c / ‖w‖₂) (Srebro et al. 2004).

    A weight within the limit stays as it is.

    Keras / PyTorch: `constraints.MaxNorm` / –, where one calls `torch.renorm` on the weight after each step. Keras says
    `max_value`, and its `axis=0` fits a Dense; of filters it wants the axes said. It shrinks weights within the limit
    too, by a share of 1e-7 / ‖w‖₂.

    Args:
        limit: c > 0.
        axes: what the norm is taken over; None for all that comes in to one output.

    Example:
        >>> x = gn.Input((4,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones", name="sum",
        ...     kernel_constraint=gn.constraints.MaxNorm(1))(x)
        >>> net = gn.compile(gn.Model(x, y), loss="mse", optimizer="sgd")
        >>> loss = net.train_on_batch([[0, 0, 0, 0]], [[0]])
        >>> net.weights["sum/weight"].tolist()  # their norm was 2
        [[0.5], [0.5], [0.5], [0.5]]
    """

    limit: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep("limit", check_number("MaxNorm", "limit", self.limit, above=0))

    def op(self, shape: Shape) -> ops.Constraint:
        """With the axes for the shape."""
        return ops.MaxNorm(self.axes_of(shape), float(self.limit))
