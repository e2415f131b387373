"""Random masks and noise. They are counter-based: what is drawn depends on a key and a count, and on nothing else.

A counter is an int64 tensor (2,) of key and count. The numbers of one call are those of the Philox generator (Salmon et
al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3) with that key, from its counter count · 2¹²⁸ on, handed out to
the elements of a tensor in row-major order, however the tensor is stored. The next call uses count + 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import Array, Shape, TensorType, concrete, format_shape

__all__ = ["ApplyMask", "GaussianNoise", "RandomMask"]

COUNTER_TYPE = TensorType("int64", (2,))
_WORDS = (1 << 64) - 1


def generator(counter: Array) -> np.random.Generator:
    """The generator of the random numbers of one call."""
    key, count = (int(number) & _WORDS for number in counter)
    return np.random.Generator(np.random.Philox(key=key, counter=count << 128))


def next_counter(counter: Array) -> Array:
    """The counter of the next call."""
    following: Array = counter + np.array([0, 1], counter.dtype)
    return following


@dataclass(frozen=True)
class RandomMask(Op):
    """m = (u ≥ rate) with u uniform on [0, 1): a mask that is False with probability `rate`, and the next counter.

    u has 24 bits (float32) whatever the network computes in, so that every dtype gets the same masks.

    Shapes: counter (2,); m `shape`, next counter (2,).
    """

    shape: Shape
    rate: float

    name = "random_mask"
    separable: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check(0 <= self.rate < 1, "rate", "it must be at least 0 and less than 1")

    def infer(self, counter: TensorType) -> Types:
        check_counter(self.name, counter)
        return TensorType("bool", self.shape), counter

    def forward(self, counter: Array) -> tuple[Array, ...]:
        u = generator(counter).random(concrete(self.shape), np.float32)
        return u >= np.float32(self.rate), next_counter(counter)

    def advances(self) -> dict[int, int]:
        return {1: 0}

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((3, 4, 5), 0.3), (COUNTER_TYPE,)), Example(cls((4, 3, 1, 1), 0.5), (COUNTER_TYPE,)))


@dataclass(frozen=True)
class ApplyMask(Op):
    """y = factor · x where the mask is True, else 0: inverted dropout (Srivastava et al. 2014, section 10, as scaled
    in training) if the factor is 1 / (1 - rate). Outside training y = x.

    Shapes: x and y alike; the mask has the same rank, with 1 where one element of it stands for a whole axis.
    """

    factor: float

    name = "apply_mask"
    elementwise = True
    inplace = (0,)

    def infer(self, x: TensorType, mask: TensorType) -> Types:
        fits = mask.rank == x.rank and all(m in (1, d) for m, d in zip(mask.shape, x.shape, strict=True))
        check_floats(self.name, x)
        if mask.dtype != "bool" or not fits:
            raise ShapeError(f"{self.name} of {format_shape(x.shape)} needs a bool mask with these dims, or 1 in their "
                             f"place, got {mask.dtype} {format_shape(mask.shape)}")
        return (x,)

    def forward(self, x: Array, mask: Array) -> tuple[Array, ...]:
        return (x * (mask * x.dtype.type(self.factor)),)

    def expression(self, x: Expression, mask: Expression) -> Expression:
        return x * mask * self.factor

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return None if grad is None else b.add(self, grad, inputs[1]), None

    def at_inference(self, b: NodeMaker, inputs: tuple[int, ...]) -> tuple[int | None, ...]:
        return (inputs[0],)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(1.25), (f64(3, 4, 5), f("bool", 3, 4, 5))),
                Example(cls(2.0), (f64(2, 3, 4, 5), f("bool", 2, 3, 1, 1))))


@dataclass(frozen=True)
class GaussianNoise(Op):
    """y = x + stddev · n with n standard normal, and the next counter. Outside training y = x.

    The numbers are drawn in the dtype of x.

    Shapes: x and y alike; counters (2,).
    """

    stddev: float

    name = "gaussian_noise"
    inplace = (0,)

    def __post_init__(self) -> None:
        self.check(0 <= self.stddev < math.inf, "stddev", "it must be at least 0")

    def infer(self, x: TensorType, counter: TensorType) -> Types:
        check_counter(self.name, counter)
        check_floats(self.name, x)
        return x, counter

    def forward(self, x: Array, counter: Array) -> tuple[Array, ...]:
        noise = generator(counter).standard_normal(x.shape, x.dtype)
        return x + x.dtype.type(self.stddev) * noise, next_counter(counter)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        return grads[0], None

    def at_inference(self, b: NodeMaker, inputs: tuple[int, ...]) -> tuple[int | None, ...]:
        return inputs

    def advances(self) -> dict[int, int]:
        return {1: 1}

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(0.1), (f64(3, 4, 5), COUNTER_TYPE)), Example(cls(1.5), (f64(4, 3), COUNTER_TYPE)))


def check_counter(owner: str, counter: TensorType) -> None:
    """Refuses anything but int64 (2,).

    Raises:
        ShapeError: it is something else.
    """
    if counter != COUNTER_TYPE:
        raise ShapeError(f"{owner} needs a counter int64 (2,), got {counter.dtype} {format_shape(counter.shape)}")
