"""Sequences (N, channels, length) as images of height 1, so that one set of ops serves both."""

from __future__ import annotations

from graphnet.common.checks import check_whole
from graphnet.common.habits import WORDS, hint
from graphnet.common.plain import as_items, whole_instead
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.ops.windows import Pair
from graphnet.compiler.types import format_shape, known
from graphnet.declare.emitter import Emitter

SEQUENCES = "sequences are (N, channels, length)"


def sequence_length(b: Emitter, x: int, owner: str) -> int:
    """The length of a sequence (N, C, L).

    Raises:
        ShapeError: there are not three dims, or the length is not known.
    """
    shape = b.types[x].shape
    if len(shape) != 3:
        raise ShapeError(f"{owner} needs {SEQUENCES.removeprefix('sequences are ')}, got {format_shape(shape)}: "
                         f"{len(shape)} dims instead of 3",
                         "use the 2D layer for images" if len(shape) == 4 else
                         "declare gn.Input((channels, length)); the batch dim is implied")
    return known(shape[2], f"the length that {owner} takes")


def as_image(b: Emitter, x: int) -> int:
    """(N, C, L) as (N, C, 1, L); also weights (O, C, K)."""
    batch, channels, length = b.types[x].shape
    return b.add(ops.Reshape((batch, channels, 1, length)), x)


def as_sequence(b: Emitter, y: int) -> int:
    """(N, C, 1, L) as (N, C, L)."""
    batch, channels, _, length = b.types[y].shape
    return b.add(ops.Reshape((batch, channels, length)), y)


def check_span(owner: str, argument: str, value: object, *names: str) -> str | Pair:
    """Padding (or a margin) of a sequence: one of `names`, in capitals too, a number ≥ 0 for both sides or a pair.

    Raises:
        ArgumentError: it is anything else.
    """
    if isinstance(value, str) and value.lower() in names:
        return value.lower()
    pair = as_items(value)
    try:
        before, after = (check_whole(owner, argument, side, 0) for side in ((value, value) if pair is None else pair))
    except ValueError:  # an ArgumentError, or not two sides
        words = "".join(f'"{name}", ' for name in names)
        meant = hint(WORDS, value, names, quoted=True) or whole_instead(value)
        raise ArgumentError(owner, argument, value,
                            f"it must be {words}a number ≥ 0 or (before, after){meant}") from None
    return before, after


def resolve_span(padding: str | Pair, length: int, kernel: int, stride: int, dilation: int = 1) -> Pair:
    """Turns "valid", "same" (an odd pad at the end) and "causal" (all before) into numbers for this length."""
    extent = dilation * (kernel - 1) + 1
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return extent - 1, 0
    if isinstance(padding, str):
        total = max((-(-length // stride) - 1) * stride + extent - length, 0)
        return total // 2, total - total // 2
    return padding


def check_fits(extent: int, length: int, padding: Pair) -> None:
    """Refuses a window that is longer than the padded sequence.

    Raises:
        ShapeError: it is.
    """
    padded = length + sum(padding)
    if extent > padded:
        raise ShapeError(f"the window is {extent} long, but the input is only {padded} long ({length} + padding "
                         f"{padding[0]} + {padding[1]}): {extent} > {padded}",
                         f"use a smaller window, more padding or a longer input; {SEQUENCES}")
