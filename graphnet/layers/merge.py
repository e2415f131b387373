"""Layers that join several tensors. Shapes must be equal: broadcasting is never implied, but it can be declared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import ClassVar

from graphnet.common.checks import check_flag
from graphnet.compiler import ops
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Op
from graphnet.compiler.ops.operands import first_difference
from graphnet.compiler.types import Shape, format_shape
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.axis import check_axis_argument, resolve_axis

__all__ = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]


class Merge(Layer):
    """Folds its inputs, all of one shape, from left to right with an op of two operands.

    Args:
        broadcast: whether dims of 1 are repeated to the size that the other inputs have there, e.g. (N, C, 1, 1) for
            (N, C, H, W). All inputs have equally many dims. The gradient is summed over the repeats.
        name: unique in a model.
    """

    arity: int | None = None
    op: ClassVar[Op]

    def __init__(self, broadcast: bool = False, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.broadcast = check_flag(self.kind, "broadcast", broadcast)

    def emit(self, b: Emitter, *inputs: int) -> int:
        """Adds the op as often as needed."""
        shapes = [b.types[x].shape for x in inputs]
        shape = broadcast_shape(shapes)
        if shape is not None and not self.broadcast:
            other = next(s for s in shapes if s != shapes[0])
            raise ShapeError(f"{self.kind} needs operands of one shape, got {format_shape(shapes[0])} and "
                             f"{format_shape(other)}: {first_difference(shapes[0], other)}",
                             "make the shapes equal; broadcasting is never implied: if dims of 1 are meant to be "
                             f"repeated, declare gn.layers.{self.kind}(broadcast=True)")
        spread = inputs if shape is None else [repeat_to(b, x, shape) for x in inputs]
        return reduce(lambda left, right: b.add(self.op, left, right), spread)


def broadcast_shape(shapes: Sequence[Shape]) -> Shape | None:
    """What different shapes become when their dims of 1 are repeated; None if they are equal or cannot become so."""
    if len(set(shapes)) == 1 or len(set(map(len, shapes))) > 1:
        return None
    sides = [[dim for dim in dict.fromkeys(dims) if dim != 1] for dims in zip(*shapes, strict=True)]
    return None if any(len(side) > 1 for side in sides) else tuple(side[0] if side else 1 for side in sides)


def repeat_to(b: Emitter, x: int, shape: Shape) -> int:
    """x with its dims of 1 repeated to fill `shape`."""
    before = b.types[x].shape
    axes = tuple(axis for axis, (old, new) in enumerate(zip(before, shape, strict=True)) if old != new)
    if not axes:
        return x
    kept = b.add(ops.Reshape(tuple(dim for axis, dim in enumerate(before) if axis not in axes)), x)
    return b.add(ops.Expand(shape, axes, mean=False), kept)


class Add(Merge):
    """y = a + b + …, element by element; all of one shape.

    Keras / PyTorch: `layers.Add` / `torch.add`, which both repeat dims of 1 unasked, and add missing ones.

    Args:
        broadcast: whether dims of 1 are repeated to the size that the other inputs have there, e.g. (N, C, 1, 1) for
            (N, C, H, W). All inputs have equally many dims. The gradient is summed over the repeats.
        name: unique in a model.

    Example:
        >>> a, b = gn.Input((2, 3)), gn.Input((2, 1))
        >>> y = gn.layers.Add(broadcast=True)([a, b])
        >>> net = gn.compile(gn.Model((a, b), y))
        >>> net.predict(([[[1, 2, 3], [4, 5, 6]]], [[[10], [20]]])).tolist()
        [[[11.0, 12.0, 13.0], [24.0, 25.0, 26.0]]]
    """

    op = ops.Add()


class Subtract(Merge):
    """y = a - b, element by element; both of one shape.

    Keras / PyTorch: `layers.Subtract` / `torch.sub`, which both repeat dims of 1 unasked.

    Args:
        broadcast: as for `Add`.
        name: unique in a model.

    Example:
        >>> a, b = gn.Input((3,)), gn.Input((3,))
        >>> net = gn.compile(gn.Model((a, b), gn.layers.Subtract()([a, b])))
        >>> net.predict(([[5, 6, 7]], [[1, 2, 3]])).tolist()
        [[4.0, 4.0, 4.0]]
    """

    arity = 2
    op = ops.Subtract()


class Multiply(Merge):
    """y = a · b · …, element by element; all of one shape.

    Keras / PyTorch: `layers.Multiply` / `torch.mul`, which both repeat dims of 1 unasked.

    Args:
        broadcast: as for `Add`.
        name: unique in a model.

    Example:
        >>> image, gate = gn.Input((2, 8, 8)), gn.Input((2, 1, 1))
        >>> y = gn.layers.Multiply(broadcast=True)([image, gate])
        >>> net = gn.compile(gn.Model((image, gate), y))
        >>> made = net.predict((np.ones((1, 2, 8, 8)), [[[[0.5]], [[3]]]]))
        >>> made.sum(axis=(2, 3)).tolist()
        [[32.0, 192.0]]
    """

    op = ops.Multiply()


class Maximum(Merge):
    """y = max(a, b, …), element by element; all of one shape.

    Of equal elements that of the first input gets the whole gradient.

    Keras / PyTorch: `layers.Maximum` / `torch.maximum`, which halves the gradient between equal elements. Both repeat
    dims of 1 unasked.

    Args:
        broadcast: as for `Add`.
        name: unique in a model.

    Example:
        >>> a, b = gn.Input((3,)), gn.Input((3,))
        >>> net = gn.compile(gn.Model((a, b), gn.layers.Maximum()([a, b])))
        >>> net.predict(([[1, 5, 3]], [[4, 2, 3]])).tolist()
        [[4.0, 5.0, 3.0]]
    """

    op = ops.Maximum()


class Minimum(Merge):
    """y = min(a, b, …), element by element; all of one shape.

    Of equal elements that of the first input gets the whole gradient.

    Keras / PyTorch: `layers.Minimum` / `torch.minimum`, which halves the gradient between equal elements. Both repeat
    dims of 1 unasked.

    Args:
        broadcast: as for `Add`.
        name: unique in a model.

    Example:
        >>> a, b = gn.Input((3,)), gn.Input((3,))
        >>> net = gn.compile(gn.Model((a, b), gn.layers.Minimum()([a, b])))
        >>> net.predict(([[1, 5, 3]], [[4, 2, 3]])).tolist()
        [[1.0, 2.0, 3.0]]
    """

    op = ops.Minimum()


class Average(Merge):
    """y = (a + b + …) / n, element by element; all n inputs of one shape.

    Keras / PyTorch: `layers.Average` / –, where one writes `(a + b) / 2`. Both repeat dims of 1 unasked.

    Args:
        broadcast: as for `Add`.
        name: unique in a model.

    Example:
        >>> a, b, c = gn.Input((2,)), gn.Input((2,)), gn.Input((2,))
        >>> y = gn.layers.Average()([a, b, c])
        >>> net = gn.compile(gn.Model((a, b, c), y))
        >>> net.predict(([[1, 2]], [[2, 4]], [[6, 0]])).tolist()
        [[3.0, 2.0]]
    """

    op = ops.Add()

    def emit(self, b: Emitter, *inputs: int) -> int:
        """Adds the sum and the factor."""
        return b.add(ops.Scale(1 / len(inputs)), super().emit(b, *inputs))


class Concatenate(Layer):
    """Joins tensors end to end along an axis; all other dims must be equal.

    Keras / PyTorch: `layers.Concatenate` / `torch.cat`. The default axis is 1, the channels; Keras's is -1 and
    PyTorch's 0, the batch.

    Args:
        axis: counted with the batch as 0, which it must not be; 1 is the channels of images.
        name: unique in a model.

    Example:
        >>> a, b = gn.Input((2,)), gn.Input((1,))
        >>> net = gn.compile(gn.Model((a, b), gn.layers.Concatenate()([a, b])))
        >>> net.predict(([[1, 2]], [[3]])).tolist()
        [[1.0, 2.0, 3.0]]
        >>> a, b = gn.Input((8, 16, 16)), gn.Input((4, 16, 16))
        >>> gn.layers.Concatenate()([a, b]).shape
        ('N', 12, 16, 16)
    """

    arity = None
    takes_integers = True

    def __init__(self, axis: int = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = check_axis_argument(self.kind, axis)

    def emit(self, b: Emitter, *inputs: int) -> int:
        """Adds the op."""
        return b.add(ops.Concat(resolve_axis(self.kind, self.axis, b.types[inputs[0]])), *inputs)
