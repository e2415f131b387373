"""Compares every kernel with the reference of its op, on the arrays of a real run.

What a kernel may differ by is measured, not guessed: where it differs by more than rounding of the largest element, the
reference runs again with each float input, and each result within a fused body, moved by a few rounding errors (see
`compiler/inspect/rounding.py`). A kernel that sums in another order differs about as much, be the op ever so
ill-conditioned and be what is left of a sum ever so small; a wrong kernel differs far more. Allowed are `FACTOR` times
that difference and `FACTOR` rounding errors of the largest element.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphnet.compiler.errors import VerificationError
from graphnet.compiler.inspect.rounding import DRAWS, moved, mover, spread
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import short_name
from graphnet.compiler.results import check_results
from graphnet.compiler.types import Array
from graphnet.runtime.session import Executable
from graphnet.runtime.watching import Watched, Watcher

FACTOR = 64


class KernelCheck(Watcher):
    """Watches the first run of a Program; each instruction costs its reference then, and more where sums cancel."""

    def __init__(self) -> None:
        self._done = False
        self._inputs: tuple[Array, ...] = ()
        self._length = 0

    def wants(self) -> bool:
        """The first run only."""
        return not self._done

    def start(self, run: Executable) -> None:
        """Notes how many instructions there are."""
        self._length = len(run.program.instructions)

    def before(self, watched: Watched) -> None:
        """Keeps the inputs, which the kernel may write over."""
        self._inputs = tuple(array.copy() for array in watched.inputs)

    def after(self, watched: Watched) -> None:
        """Compares the results that somebody needs.

        Raises:
            VerificationError: the kernel differs from the reference; the text names instruction and layer.
        """
        op = watched.instruction.op
        with np.errstate(all="ignore"):
            expected = check_results(op, op.forward(*self._inputs), watched.outputs, watched.instruction.origin)
        others: list[tuple[Array, ...]] = []
        for index, (slot, got, want) in enumerate(zip(watched.instruction.outputs, watched.outputs, expected,
                                                      strict=True)):
            if slot.last <= watched.index or _agrees(got, want, ()):
                continue
            others = others or _moved_results(op, self._inputs, watched.index)
            if not _agrees(got, want, tuple(other[index] for other in others)):
                raise VerificationError(
                    f"the kernel of instruction {watched.index}, {short_name(op)} of {watched.instruction.origin}, "
                    f"differs from the reference: {_gap(got, want)} in %{slot.value} {slot.operand.type}")

    def finish(self) -> None:
        """Notes that the first run is over."""
        self._done, self._inputs = True, ()


def _moved_results(op: Op, inputs: tuple[Array, ...], seed: int) -> list[tuple[Array, ...]]:
    """What the reference makes of numbers that are a few rounding errors off, for each draw."""
    with np.errstate(all="ignore"):
        return [_forward(op, tuple(moved(x, seed + draw) for x in inputs), mover(draw)) for draw in range(DRAWS)]


def _forward(op: Op, inputs: tuple[Array, ...], change: Callable[[Array], Array]) -> tuple[Array, ...]:
    """The reference; what a fused body makes in between is changed too."""
    if not isinstance(op, Fused):
        return op.forward(*inputs)
    body = op.body
    values = interpret(body, {i.name: x for i, x in zip(body.inputs, inputs, strict=True)}, change)
    return tuple(values[o.value] for o in body.outputs)


def _agrees(got: Array, want: Array, others: tuple[Array, ...]) -> bool:
    """Whether a result is right, as far as rounding lets it; `others` are what moved numbers made of it."""
    if got.dtype.kind != "f":
        return bool(((got == want) | np.any([want != other for other in others], axis=0)).all())
    finite = np.logical_and.reduce([np.isfinite(x) for x in (want, *others)])
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return False
    noise = spread(want[finite], (other[finite] for other in others))
    rounding = np.finfo(got.dtype).eps * np.abs(want[finite]).max(initial=0)
    return bool((np.abs(got[finite] - want[finite]) <= FACTOR * (noise + rounding)).all())


def _gap(got: Array, want: Array) -> str:
    gaps = np.abs(np.subtract(got, want, dtype=np.float64))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    place = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return f"{got[place]} instead of {want[place]} at ({', '.join(map(str, place))})"
