"""What the recurrent ops share: the order of steps, lengths, truncation, and the operand of each step.

A recurrent op runs a whole layer in one direction. At each step t the operand [h; 1; x_t], h the state before the step,
goes into one product with all weights. The batch is innermost there, so that every gate is one run of memory. What is
saved for back-propagation through time (Werbos 1990) has the steps as its first axis and the batch as its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Gradients, NodeMaker, Op, Ranges, Types
from graphnet.compiler.ops.arithmetic import Full
from graphnet.compiler.ops.operands import LARGEST, check_some
from graphnet.compiler.types import Array, Dim, Shape, TensorType, format_shape, known


@dataclass(frozen=True)
class Walk(Op):
    """The order of steps, which a recurrent op and its gradient share.

    Attributes:
        reverse: whether the walk begins at the last place. Results stand at the places of their inputs all the same.
        truncate: no gradient leaves a step whose number it divides for the steps before; 0 for no limit. The steps of a
            sequence count from the first of its own in the walk, so padding never moves a cut.
    """

    reverse: bool = False
    truncate: int = 0

    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.check(0 <= self.truncate <= LARGEST, "truncate", f"it must be at least 0 and at most {LARGEST}")

    def order(self, count: int) -> range:
        """The places of the steps in the order of the walk."""
        return range(count)[::-1] if self.reverse else range(count)

    def passes(self, place: int, count: int, lengths: Array | None = None) -> Array:
        """Whose gradient leaves the step at this place for the steps before: (N,), or one answer for all sequences.

        What sequences are padded with are no steps of theirs, so there everything passes.
        """
        if not self.truncate:
            return np.True_  # type: ignore[return-value]
        number = (count if lengths is None else lengths) - 1 - place if self.reverse else np.int64(place)
        return ~((number > 0) & (number % self.truncate == 0) & running(lengths, place))


@dataclass(frozen=True)
class Recurrent(Walk):
    """A layer of recurrent cells in one direction.

    Inputs: x (N, T, F); the states before the first step, (N, H) each; weight (F, G), recurrent weight (H, G), where G
    is H times the number of gates; biases; and, if the sequences differ in length, their lengths (N,), whole numbers
    from 0 to T. From the place of its length on a sequence keeps its states and its results are 0, as in PyTorch's
    packed sequences, whatever its inputs are there (not even NaN shows); a walk in reverse begins before that place.

    Outputs: the states after the last step, (N, H) each; the results (N, T, H), or (N, 0, H) unless `sequences`; then
    what the gradient needs, the operands (T, H + 1 + F, N) first, all with no steps unless `saved`.
    """

    sequences: bool = False
    saved: bool = True

    states: ClassVar[int] = 1
    gates: ClassVar[int] = 1
    arity: ClassVar[int] = 5
    """Number of inputs without the lengths, which come last."""

    def check_inputs(self, x: TensorType, states: Sequence[TensorType], weight: TensorType, recurrent: TensorType,
                     biases: Sequence[TensorType], lengths: TensorType | None) -> int:
        """The number of hidden units H, if the inputs fit one another; the first bias has all gates, a second one H.

        Raises:
            ShapeError: they do not.
        """
        if x.rank != 3 or not x.is_float:
            raise ShapeError(f"{self.name} takes sequences (N, steps, features) of floats, got {x.dtype} "
                             f"{format_shape(x.shape)}", "add or join axes until there are 3")
        if recurrent.rank != 2:
            raise ShapeError(f"{self.name} needs a recurrent weight of 2 dims, got {format_shape(recurrent.shape)}")
        batch, _, features = x.shape
        known(features, f"the number of features that {self.name} takes")
        hidden = known(recurrent.shape[0], "the number of hidden units")
        check_some(self.name, "feature", x, features)
        check_some(self.name, "unit", recurrent, hidden)
        wide = hidden * self.gates
        wanted: list[tuple[str, Shape, TensorType]] = [("state", (batch, hidden), state) for state in states]
        wanted += [("weight", (features, wide), weight), ("recurrent weight", (hidden, wide), recurrent)]
        wanted += [("bias", (size,), bias) for size, bias in zip((wide, hidden), biases, strict=False)]
        for what, shape, got in wanted:
            if got != x.with_shape(shape):
                raise ShapeError(f"{self.name} of {hidden} units on {format_shape(x.shape)} needs a {what} {x.dtype} "
                                 f"{format_shape(shape)}, got {got.dtype} {format_shape(got.shape)}")
        check_lengths(self.name, batch, lengths)
        return hidden

    def outputs(self, x: TensorType, hidden: int, *kept: int) -> Types:
        """The types of all outputs; `kept` are the rows that each step saves beside its operand."""
        batch, steps, features = x.shape
        rows = (hidden + 1 + known(features, "the number of features"), *kept)
        return (*[x.with_shape((batch, hidden))] * self.states,
                x.with_shape((batch, steps if self.sequences else 0, hidden)),
                *(x.with_shape((steps if self.saved else 0, count, batch)) for count in rows))

    def blank(self, like: Array, types: Types) -> tuple[Array, ...]:
        """Zeros for the outputs that the walk fills in, step by step: all but the states."""
        return tuple(np.zeros(t.shape, like.dtype) for t in types[self.states:])  # type: ignore[arg-type]

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        if not self.saved:  # walk once more, and save
            again = replace(self, saved=True)
            return again.pullback(b, inputs, b.apply(again, *inputs), grads)
        pairs = list(zip(outputs, grads, strict=True))[:self.states + 1]
        given = [b.add(Full(b.types[value].shape, 0.0, b.types[value].dtype)) if grad is None else grad
                 for value, grad in pairs]
        return self.pull(b, inputs, outputs, given)

    def pull(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Sequence[int]) -> Gradients:
        """The pullback, from the gradients of the states and the results."""
        raise NotImplementedError(self.name)

    def at_inference(self, b: NodeMaker, inputs: tuple[int, ...]) -> tuple[int | None, ...] | None:
        if not self.saved:
            return None
        outputs = b.apply(replace(self, saved=False), *inputs)
        return tuple(value if position <= self.states else None for position, value in enumerate(outputs))

    def index_ranges(self, *types: TensorType) -> Ranges:
        return length_range(self.arity, types[0].shape[1], types)

    def flops(self, inputs: Types, outputs: Types) -> int:
        batch, steps, features = (int(dim) for dim in inputs[0].shape)
        hidden = int(outputs[0].shape[1])
        return batch * steps * self.gates * hidden * (2 * (hidden + 1 + features) + 4)


def check_lengths(owner: str, batch: Dim, lengths: TensorType | None) -> None:
    """Refuses lengths that are not one integer for each sequence.

    Raises:
        ShapeError: they are something else.
    """
    if lengths is not None and (lengths.shape != (batch,) or lengths.dtype not in ("int64", "int32")):
        raise ShapeError(f"{owner} takes lengths int64 {format_shape((batch,))}, one for each sequence, got "
                         f"{lengths.dtype} {format_shape(lengths.shape)}", 'declare gn.Input((), dtype="int64")')


def length_range(position: int, steps: Dim, types: Sequence[TensorType]) -> Ranges:
    """What lengths at this position, if they are given, may be: 0 to the number of steps."""
    return {position: (0, steps)} if len(types) > position else {}


def running(lengths: Array | None, place: int) -> Array:
    """Which sequences of the batch are still running at this place, (N,)."""
    return np.True_ if lengths is None else place < lengths  # type: ignore[return-value]


def stack_weights(recurrent: Array, bias: Array, weight: Array) -> Array:
    """All weights as one matrix (H + 1 + F, G), which fits the operand of a step."""
    return np.concatenate([recurrent, bias[None], weight])


def stack_operand(h: Array, x: Array, on: Array) -> Array:
    """The operand [h; 1; x] (H + 1 + F, N) of a step, from h (H, N) and x (N, F), which counts as 0 where not `on`."""
    return np.concatenate([h, np.ones((1, h.shape[1]), h.dtype), np.where(on, x.T, 0)])


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2, which cannot overflow."""
    return (1 + np.tanh(z / 2)) / 2
