"""The way of gradients back through the steps of recurrent layers: results that join in, and where it is cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.compiler.ops.recurrent import Walk
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.recurrent import Mask


class Back:
    """The way of the gradient of one state, and of the results, back through the steps.

    Args:
        op: says the order of steps and where the gradient is cut.
        dy: gradient of the results (N, T or 0, H).
        count: number of steps T.
        mask: of sequences of different lengths.
        temporary: scratch (H, N).
        numbers: scratch (N,) for the steps of sequences that are walked in reverse and cut.
    """

    def __init__(self, op: Walk, dy: Array, count: int, mask: Mask, temporary: Array, numbers: Array) -> None:
        self.op, self.mask, self.temporary, self.numbers = op, mask, temporary, numbers
        self.each_its_own = bool(mask) and op.reverse
        self.walk = [(t, dy[:, t].T if dy.shape[1] else None, self._may_cut(number))
                     for number, t in reversed(list(enumerate(op.order(count))))]

    def _may_cut(self, number: int) -> bool:
        """Whether a gradient may be cut at step `number` of the walk; in reverse short sequences begin later."""
        k = self.op.truncate
        return bool(k) and number >= k and (self.each_its_own or number % k == 0)

    def cut(self, place: int, *gradients: Array) -> None:
        """Puts zeros where no gradient leaves the step at this place; see `Walk.passes`."""
        lengths, busy, idle = self.mask.lengths, self.mask.busy, self.mask.idle
        if lengths is None:
            busy.fill(True)
        elif self.each_its_own:
            np.subtract(lengths, place + 1, self.numbers)
            np.greater(self.numbers, 0, busy)
            np.remainder(self.numbers, self.op.truncate, self.numbers)
            np.equal(self.numbers, 0, idle)
            np.logical_and(busy, idle, busy)
        for gradient in gradients:
            np.copyto(gradient, 0, where=busy)

    def add_results(self, dh: Array, dy: Array | None, place: int) -> None:
        """dh += the gradient of the step's result."""
        if self.mask:
            self.mask.move_to(place)
        if dy is None:
            return
        if not self.mask:
            np.add(dh, dy, dh)
            return
        np.copyto(self.temporary, dy)
        self.mask.blank(self.temporary)
        np.add(dh, self.temporary, dh)


def backward_scratch(op: Walk, inputs: Sequence[Operand], *multiples: int) -> tuple[TensorType, ...]:
    """Scratch of a backward kernel: (m · H, N) for each of `multiples`, flags, numbers if they are needed."""
    batch, hidden = inputs[0].shape
    return (*(TensorType(inputs[0].dtype, (multiple * hidden, batch)) for multiple in multiples),
            TensorType("bool", (2, batch)), TensorType("int64", (batch if op.reverse and op.truncate else 0,)))
