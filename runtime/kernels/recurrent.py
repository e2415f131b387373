"""What the kernels of recurrent layers share: views of each step, masks, and sums of products over the steps.

Everything of a step lies in one run of memory with the batch innermost, (rows, N), whatever the layout of inputs and
results is; those are copied step by step. Each step is one product of a fixed size, so that a sequence gives the same
bits whether it comes in one piece or in several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.ops import RecurrentGradInput, RecurrentGradWeights
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel

CHUNK = 128  # columns that a product over several steps should have at least


@dataclass(frozen=True, slots=True)
class Step:
    """Views of one step of a walk; `new` is where h is computed, and `after` the operand of the next step takes it."""

    place: int
    x: Array  # (F, N), of the input
    operand: Array  # (H + 1 + F, N)
    inputs: Array  # (F, N), of the operand
    before: Array  # (H, N), of the operand
    new: Array  # (H, N)
    after: Array  # (H, N), of the next operand
    y: Array | None  # (H, N), of the results


class Mask:
    """Which sequences have ended at a place and which have not; without lengths it changes nothing.

    Args:
        lengths: (N,), or None.
        flags: scratch, bool (2, N).
    """

    def __init__(self, lengths: Array | None, flags: Array) -> None:
        self.lengths, self.idle, self.busy = lengths, flags[0], flags[1]

    def __bool__(self) -> bool:
        return self.lengths is not None

    def move_to(self, place: int) -> None:
        """Sets the flags for a place."""
        np.less_equal(self.lengths, place, self.idle)  # type: ignore[arg-type]
        np.logical_not(self.idle, self.busy)

    def settle(self, before: Array, new: Array, after: Array) -> None:
        """after = new for running sequences, before for the others."""
        np.copyto(after, before)
        np.copyto(after, new, where=self.busy)

    def blank(self, array: Array) -> None:
        """Puts zeros where sequences have ended."""
        np.copyto(array, 0, where=self.idle)


class Front:
    """The way from x and h into the operands of all steps, and of h to the results.

    Args:
        call: of a recurrent op.
        operand: scratch (H + 1 + F, N) for all steps, if they are not saved.
        last: scratch (H, N).
        new: scratch (H, N), for sequences of different lengths.
        mask: of these.
    """

    def __init__(self, call: Call, operand: Array, last: Array, new: Array, mask: Mask) -> None:
        op: Recurrent = call.op
        x, first = call.inputs[:2]
        y, saved = call.outputs[op.states:op.states + 2]
        self.hidden, self.mask = last.shape[0], mask
        self.first, self.final, self.last = first.T, call.outputs[0].T, last
        self.order = op.order(x.shape[1])
        operands = [saved[t] if op.saved else operand for t in self.order]
        self.ones = saved[:, self.hidden] if op.saved else operand[self.hidden]
        self.states = [*(a[:self.hidden] for a in operands), last]
        self.steps = [Step(t, x[:, t].T, a, a[self.hidden + 1:], before, new if mask else after, after,
                           y[:, t].T if op.sequences else None)
                      for t, a, before, after in zip(self.order, operands, self.states, self.states[1:], strict=False)]

    def begin(self) -> None:
        """Puts the first state and the ones into the operands."""
        self.ones.fill(1)
        np.copyto(self.states[0], self.first)

    def load(self, step: Step) -> None:
        """Puts x into the operand of a step."""
        np.copyto(step.inputs, step.x)
        if self.mask:
            self.mask.move_to(step.place)
            self.mask.blank(step.inputs)

    def store(self, step: Step) -> None:
        """Hands the new h on to the next step and to the results."""
        if self.mask:
            self.mask.settle(step.before, step.new, step.after)
        if step.y is not None:
            np.copyto(step.y, step.new)
            if self.mask:
                self.mask.blank(step.y)

    def end(self) -> None:
        """Gives the last state out."""
        np.copyto(self.final, self.last)


def load_weights(stacked: Array, recurrent: Array, bias: Array, weight: Array) -> None:
    """Copies all weights into one matrix (H + 1 + F, G)."""
    hidden = len(recurrent)
    np.copyto(stacked[:hidden], recurrent)
    np.copyto(stacked[hidden], bias)
    np.copyto(stacked[hidden + 1:], weight)


def forward_scratch(op: Recurrent, inputs: Sequence[Operand], *rows: int) -> tuple[TensorType, ...]:
    """Scratch of a forward kernel: the weights (H + 1 + F, G), the operand, (rows, N) for each of `rows`, flags."""
    batch, hidden = inputs[1].shape
    dtype, size = inputs[0].dtype, hidden + 1 + inputs[0].shape[2]
    return (TensorType(dtype, (size, op.gates * hidden)),
            *(TensorType(dtype, (count, batch)) for count in (size, *rows)), TensorType("bool", (2, batch)))


def _grad_weights_scratch(op: RecurrentGradWeights, inputs: tuple[Operand, ...],
                          outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return sum_scratch(inputs[1], inputs[0])


@kernel(RecurrentGradWeights, workspace=_grad_weights_scratch)
def recurrent_grad_weights(call: Call) -> Run:
    """One matrix of all gradients, which is then taken apart."""
    (dz, operands), (dw, du, db), hidden = call.inputs, call.outputs, call.op.hidden
    add_up = sum_products(operands, dz, call.workspace)
    total = call.workspace[0]

    def run() -> None:
        add_up()
        np.copyto(du, total[:hidden])
        np.copyto(db, total[hidden])
        np.copyto(dw, total[hidden + 1:])
    return run


def _grad_input_scratch(op: RecurrentGradInput, inputs: tuple[Operand, ...],
                        outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (TensorType(outputs[0].dtype, (outputs[0].shape[2], outputs[0].shape[0])),)


@kernel(RecurrentGradInput, workspace=_grad_input_scratch)
def recurrent_grad_input(call: Call) -> Run:
    """W dz_t, step by step."""
    (dz, weight), (dx,), (product,) = call.inputs, call.outputs, call.workspace
    steps = [(dz[t, :weight.shape[1]], dx[:, t].T) for t in range(len(dz))]

    def run() -> None:
        for gradient, target in steps:
            np.matmul(weight, gradient, product)
            np.copyto(target, product)
    return run


def sum_scratch(a: Operand, b: Operand) -> tuple[TensorType, ...]:
    """Scratch of `sum_products`: the sum, a product, and copies of several steps of a and b."""
    steps, rows, batch = a.shape
    columns, group = b.shape[1], _group(steps, batch)
    pair = [TensorType(a.dtype, (rows, columns))] * 2
    return (*pair, TensorType(a.dtype, (rows, group, batch)), TensorType(a.dtype, (columns, group, batch)))


def sum_products(a: Array, b: Array, scratch: Sequence[Array]) -> Run:
    """Binds scratch[0] = Σ_t a_t b_tᵀ for a (T, K, N) and b (T, G, N).

    A product of few columns is slow for its size, so small batches are first joined, several steps together.
    """
    total, product, left, right = scratch
    group = left.shape[1]
    cuts = [slice(start, start + group) for start in range(0, len(a), group)]
    pairs = [(a[cut].transpose(1, 0, 2), b[cut].transpose(1, 0, 2)) for cut in cuts]

    def run() -> None:
        if not pairs:
            total.fill(0)
        for number, (x, y) in enumerate(pairs):
            here, there = _joined(x, left), _joined(y, right)
            np.matmul(here, there.T, product if number else total)
            if number:
                np.add(total, product, total)
    return run


def _group(steps: int, batch: int) -> int:
    return max(1, min(steps, CHUNK // max(batch, 1)))


def _joined(steps: Array, scratch: Array) -> Array:
    """Rows with all steps one after the other: (K, t, N) as (K, t · N)."""
    if steps.shape[1] == 1:
        return steps[:, 0]
    part = scratch.reshape(-1)[:steps.size].reshape(steps.shape)
    np.copyto(part, steps)
    return part.reshape(len(part), -1)
