"""Compares every kernel with the reference of its op, on the arrays of a real run.

What a kernel may differ by is measured, not guessed: the reference runs a second time with each float input moved by
one rounding error, up or down at random (Monte Carlo arithmetic; Parker, Pierce and Eggert 2000). A kernel that sums in
another order differs about as much, be the op ever so ill-conditioned; a wrong kernel differs far more. Allowed are
`FACTOR` times that difference and `FACTOR` rounding errors of the largest element.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.errors import VerificationError
from graphnet.compiler.planning.program import short_name
from graphnet.compiler.results import check_results
from graphnet.compiler.types import Array
from graphnet.runtime.session import Executable
from graphnet.runtime.watching import Watched, Watcher

FACTOR = 64
_GOLDEN = 0x9E3779B97F4A7C15  # 2⁶⁴ over the golden ratio (Knuth, TAOCP 6.4)


class KernelCheck(Watcher):
    """Watches the first run of a Program; each instruction costs three times its reference then."""

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
            moved = op.forward(*_moved(self._inputs, watched.index))
        for slot, got, want, other in zip(watched.instruction.outputs, watched.outputs, expected, moved, strict=True):
            if slot.last > watched.index and not _agrees(got, want, other):
                raise VerificationError(
                    f"the kernel of instruction {watched.index}, {short_name(op)} of {watched.instruction.origin}, "
                    f"differs from the reference: {_gap(got, want)} in %{slot.value} {slot.operand.type}")

    def finish(self) -> None:
        """Notes that the first run is over."""
        self._done, self._inputs = True, ()


def _moved(inputs: tuple[Array, ...], seed: int) -> tuple[Array, ...]:
    """The inputs, each float one rounding error off, but for zeros; equal numbers move alike.

    So what is equal stays equal, and what is 0 stays 0: the ties of a pooling window and the zeros that a ReLU made are
    no matter of rounding, and which way they fall decides about whole gradients.
    """
    return tuple(_moved_alike(x, seed) if x.dtype.kind == "f" else x for x in inputs)


def _moved_alike(x: Array, seed: int) -> Array:
    bits = x.view(f"u{x.dtype.itemsize}").astype(np.uint64) + np.uint64(seed)
    upwards = (bits * np.uint64(_GOLDEN)) >> np.uint64(63) == 1  # the top bit of a Fibonacci hash: as good as random
    moved = np.nextafter(x, np.where(upwards, np.inf, -np.inf).astype(x.dtype))
    return np.where(x == 0, x, moved)


def _agrees(got: Array, want: Array, other: Array) -> bool:
    if got.dtype.kind != "f":
        return bool(((got == want) | (want != other)).all())
    finite = np.isfinite(want) & np.isfinite(other)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return False
    noise = np.abs(want[finite] - other[finite]).max(initial=0)
    rounding = np.finfo(got.dtype).eps * np.abs(want[finite]).max(initial=0)
    return bool((np.abs(got[finite] - want[finite]) <= FACTOR * (noise + rounding)).all())


def _gap(got: Array, want: Array) -> str:
    gaps = np.abs(np.subtract(got, want, dtype=np.float64))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    place = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return f"{got[place]} instead of {want[place]} at ({', '.join(map(str, place))})"
