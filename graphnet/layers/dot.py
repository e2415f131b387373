"""Inner products of two tensors, sample by sample."""

from __future__ import annotations

import math

from graphnet.common.checks import check_flag
from graphnet.common.plain import as_items
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import Shape, format_shape, known
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.axis import check_axis_argument, resolve_axis

__all__ = ["Dot"]


class Dot(Layer):
    """Sums the products of two tensors over an axis of each: y[n, i, …, j, …] = Σ_k a[n, i, …, k] · b[n, j, …, k].

    Shapes: a (N, …) and b (N, …) with equally many elements K on the summed axes; y (N, other dims of a, other dims of
    b), and (N, 1) if there are none, as in Keras.

    Keras / PyTorch: `layers.Dot` / `torch.bmm`, which is `Dot((2, 1))`, and `F.cosine_similarity`, whose result is (N,)
    for rows. Keras has no default for `axes` and divides vectors shorter than 1e-7 by that.

    Args:
        axes: one for both, or (axis of a, axis of b); counted with the batch as 0, which they must not be.
        normalize: whether the vectors along the axes are scaled to length 1 first, so that y is the cosine of the angle
            between them; vectors shorter than 1e-12 are divided by that, as PyTorch's `normalize` does.
        name: unique in a model.

    Example:
        >>> a, b = gn.Input((2,)), gn.Input((2,))
        >>> net = gn.compile(gn.Model((a, b), gn.layers.Dot()([a, b])))
        >>> net.predict(([[1, 2]], [[3, 4]])).tolist()
        [[11.0]]
        >>> cosine = gn.layers.Dot(normalize=True)([a, b])
        >>> net = gn.compile(gn.Model((a, b), cosine))
        >>> print(net.predict(([[2, 0]], [[3, 4]])))
        [[0.6]]
    """

    arity = 2

    def __init__(self, axes: int | tuple[int, int] = -1, normalize: bool = False, *, name: str | None = None) -> None:
        super().__init__(name=name)
        pair = as_items(axes)
        if pair is None:
            self.axes: tuple[int, ...] = (check_axis_argument(self.kind, axes, "axes"),) * 2
        elif len(pair) == 2:
            self.axes = tuple(check_axis_argument(self.kind, axis, f"axes[{i}]") for i, axis in enumerate(pair))
        else:
            raise ArgumentError(self.kind, "axes", axes, "it must be one axis, or (axis of a, axis of b)")
        self.normalize = check_flag(self.kind, "normalize", normalize)

    def emit(self, b: Emitter, *inputs: int) -> int:
        """Adds the product of the inputs as matrices with the summed axis last."""
        axes = [resolve_axis(self.kind, axis, b.types[x]) for axis, x in zip(self.axes, inputs, strict=True)]
        shapes = [b.types[x].shape for x in inputs]
        sizes = [shape[axis] for shape, axis in zip(shapes, axes, strict=True)]
        if sizes[0] != sizes[1]:
            raise ShapeError(f"it sums over axis {axes[0]} of {format_shape(shapes[0])} and axis {axes[1]} of "
                             f"{format_shape(shapes[1])}: {sizes[0]} ≠ {sizes[1]}",
                             "choose axes of one size")
        if self.normalize:
            inputs = tuple(b.add(ops.UnitLength(axis), x) for axis, x in zip(axes, inputs, strict=True))
        rows = [_as_rows(b, x, axis) for x, axis in zip(inputs, axes, strict=True)]
        rest = [dim for shape, axis in zip(shapes, axes, strict=True) for dim in _others(shape, axis)]
        y = b.add(ops.BatchMatMul(transpose_b=True), *rows)
        target = (shapes[0][0], *(rest or [1]))
        return y if target == b.types[y].shape else b.add(ops.Reshape(target), y)


def _others(shape: Shape, axis: int) -> Shape:
    return tuple(dim for at, dim in enumerate(shape) if at not in (0, axis))


def _as_rows(b: Emitter, x: int, axis: int) -> int:
    """x as (N, product of the other dims, K)."""
    shape = b.types[x].shape
    others = _others(shape, axis)
    if axis != len(shape) - 1:
        order = (*(at for at in range(len(shape)) if at != axis), axis)
        x = b.add(ops.Transpose(order), x)
    if len(others) == 1:
        return x
    rows = math.prod(known(dim, "each of several dims that Dot keeps") for dim in others)
    return b.add(ops.Reshape((shape[0], rows, shape[axis])), x)
