"""Compares every kernel with the reference of its op, on the arrays of a real run.

What a kernel may differ by is measured, not guessed: where it differs by more than rounding of the largest element, the
reference runs again with each float input, and each result within a fused body, moved by a few rounding errors (see
`compiler/inspect/rounding.py`). A kernel that sums in another order differs about as much, be the op ever so
ill-conditioned and be what is left of a sum ever so small; a wrong kernel differs far more. Allowed are `FACTOR` times
that difference and `FACTOR` rounding errors of the largest element; more where a kernel says that its way of computing
has larger errors than sums have (`Executable.rounding`: Winograd's convolutions).

Where a batch is worked off in blocks, an instruction is compared after the last one, on the rows of all of them:
then sums over samples are whole, means divide by all samples, and random masks are those of these samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphnet.compiler.errors import VerificationError
from graphnet.compiler.inspect.rounding import DRAWS, moved, mover, spread
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.op import Op, as_type
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Slot, short_name
from graphnet.compiler.results import check_results
from graphnet.compiler.types import Array
from graphnet.runtime.session import Executable
from graphnet.runtime.watching import Watched, Watcher

FACTOR = 64
Block = tuple[tuple[Array, ...], tuple[Array, ...]]
"""The inputs and the results of an instruction for a block of samples."""


class KernelCheck(Watcher):
    """Watches the first run of a Program; each instruction costs its reference then, and more where sums cancel."""

    def __init__(self) -> None:
        self._done = False
        self._blocks: dict[int, list[Block]] = {}
        self._inputs: tuple[Array, ...] = ()
        self._run: Executable | None = None

    def wants(self) -> bool:
        """The first run only."""
        return not self._done

    def start(self, run: Executable) -> None:
        """Notes what runs."""
        self._run, self._blocks = run, {}

    def before(self, watched: Watched) -> None:
        """Keeps the inputs, which the kernel may write over."""
        self._inputs = tuple(array.copy() for array in watched.inputs)

    def after(self, watched: Watched) -> None:
        """Compares the results that somebody needs, once there are those of all samples.

        Raises:
            VerificationError: the kernel differs from the reference; the text names instruction and layer.
        """
        if watched.first and watched.last:
            self._compare(watched, self._inputs, watched.outputs)
            return
        blocks = self._blocks.setdefault(watched.index, [])
        blocks.append((self._inputs, tuple(array.copy() for array in watched.outputs)))
        if watched.last:
            del self._blocks[watched.index]
            inputs, outputs = zip(*blocks, strict=True)
            i = watched.instruction
            self._compare(watched, self._joined(i.inputs, inputs), self._joined(i.outputs, outputs))

    def _joined(self, slots: tuple[Slot, ...], blocks: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
        """The rows of all blocks in one array; of what has no rows, what there is after the last block."""
        sampled = self._run.program.sampled if self._run else {}
        return tuple(np.concatenate(arrays, sampled[slot.value]) if slot.value in sampled else arrays[-1]
                     for slot, arrays in zip(slots, zip(*blocks, strict=True), strict=True))

    def _compare(self, watched: Watched, inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        op, instruction = watched.op, watched.instruction
        factor = FACTOR * (self._run.rounding(watched.index) if self._run else 1.0)
        with np.errstate(all="ignore"):
            expected = check_results(op, op.forward(*inputs), outputs, instruction.origin)
        others: list[tuple[Array, ...]] = []
        for index, (slot, got, want) in enumerate(zip(instruction.outputs, outputs, expected, strict=True)):
            if slot.last <= watched.index or _agrees(got, want, (), factor):
                continue
            others = others or _moved_results(op, inputs, watched.index)
            if not _agrees(got, want, tuple(other[index] for other in others), factor):
                raise VerificationError(
                    f"the kernel of instruction {watched.index}, {short_name(op)} of {instruction.origin}, "
                    f"differs from the reference: {_gap(got, want)} in %{slot.value} {as_type(got)}")

    def finish(self) -> None:
        """Notes that the first run is over."""
        self._done, self._run, self._inputs, self._blocks = True, None, (), {}


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


def _agrees(got: Array, want: Array, others: tuple[Array, ...], factor: float = FACTOR) -> bool:
    """Whether a result is right, as far as rounding lets it; `others` are what moved numbers made of it."""
    if got.dtype.kind != "f":
        return bool(((got == want) | np.any([want != other for other in others], axis=0)).all())
    finite = np.logical_and.reduce([np.isfinite(x) for x in (want, *others)])
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return False
    noise = spread(want[finite], (other[finite] for other in others))
    rounding = np.finfo(got.dtype).eps * np.abs(want[finite]).max(initial=0)
    return bool((np.abs(got[finite] - want[finite]) <= factor * (noise + rounding)).all())


def _gap(got: Array, want: Array) -> str:
    gaps = np.abs(np.subtract(got, want, dtype=np.float64))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    place = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return f"{got[place]} instead of {want[place]} at ({', '.join(map(str, place))})"
