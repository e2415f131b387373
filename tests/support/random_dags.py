"""Random graphs of ops, from a seed: any op with a gradient behind any other, with shared values and branches.

The ops, their attributes and the shapes they want come from the examples of the registry, so a new op takes part by
being registered. Where a shape does not fit, a matrix product and reshapes make it fit; where an op wants numbers above
0, a sigmoid makes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from op_cases import Case, cases_of, symbolic_forms

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import is_custom, registered_ops
from graphnet.compiler.ops import Add, Full, MatMul, Multiply, ReduceSum, Reshape, Scale, Sigmoid, Tanh
from graphnet.compiler.types import BATCH, Array, Dim, Shape, TensorType

LEFT_OUT: frozenset[str] = frozenset()
"""Ops that have a gradient and still cannot stand in a random graph. There are none; say why where one is added."""


@dataclass(frozen=True)
class Dag:
    """A graph with the output `loss`, arrays for everything it is fed, and what can be differentiated."""

    graph: Graph
    feeds: dict[str, Array]
    varied: tuple[str, ...]
    batch: int
    used: tuple[Case, ...]


@cache
def usable_cases() -> tuple[tuple[Case, Case], ...]:
    """Every example of an op with a gradient, as it is and with its batch as a symbol, the families mixed."""
    cases = [(case, form) for name, cls in registered_ops().items()
             if cls.differentiable and name not in LEFT_OUT and not is_custom(name)
             for case in cases_of(cls) for form, _ in symbolic_forms(case)[:1]]
    return tuple(cases[i] for i in np.random.default_rng(0).permutation(len(cases)))


@cache
def random_dag(seed: int, batch: int = 0) -> Dag:
    """The graph of a seed, with so many samples, or 2 to 4 of them. Successive seeds go through the examples in turn,
    so that each is used equally often."""
    return _Maker(seed, batch).make()


@dataclass
class _Maker:
    seed: int
    batch: int
    feeds: dict[str, Array] = field(default_factory=dict)
    varied: list[str] = field(default_factory=list)
    pool: list[int] = field(default_factory=list)
    loose: list[int] = field(default_factory=list)
    """Results without a leading batch, which only the loss can use."""

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 7])
        self.b = Builder(f"dag_{self.seed}")
        drawn = int(self.rng.integers(2, 5))
        self.batch = self.batch or drawn

    def make(self) -> Dag:
        cases, steps = usable_cases(), 5
        self.pool = [self.draw((BATCH, 3, 4)), self.draw((BATCH, 5))]
        used = [cases[(self.seed * steps + i) % len(cases)] for i in range(steps)]
        for case, form in used:
            self.apply(form, case.arrays(self.seed))
        self.residual()
        return Dag(self.b.build([Output("loss", self.loss())]), self.feeds, tuple(self.varied), self.batch,
                   tuple(form for _, form in used))

    # Values that are fed ------------------------------------------------------------------------------------------

    def draw(self, shape: Shape, scale: float = 1.0) -> int:
        """An input (with a batch) or a parameter (without) of normal numbers, to differentiate for."""
        name = f"v{len(self.feeds)}"
        self.varied.append(name)
        return self.declare(name, TensorType("float64", shape), self.rng.normal(0, scale, self.sizes(shape)))

    def declare(self, name: str, t: TensorType, array: Array) -> int:
        self.feeds[name] = np.asarray(array, t.dtype)
        return self.b.input(name, t) if BATCH in t.shape or not t.is_float else self.b.parameter(name, t)

    def sizes(self, shape: Shape) -> tuple[int, ...]:
        return tuple(self.batch if dim == BATCH else int(dim) for dim in shape)

    # Steps -----------------------------------------------------------------------------------------------------------

    def apply(self, case: Case, arrays: tuple[Array, ...]) -> None:
        """Puts the op behind values of the pool; its results join the pool."""
        inputs = [self.operand(case, position, array) for position, array in enumerate(arrays)]
        for index, value in enumerate(self.b.apply(case.op, *inputs)):
            t = self.b.types[value]
            if t.is_float and 0 not in t.shape and index not in case.op.auxiliary:
                (self.pool if t.shape[:1] == (BATCH,) else self.loose).append(value)

    def operand(self, case: Case, position: int, array: Array) -> int:
        """A value of the pool that is made to fit; what has no batch, or no gradient, is drawn or taken as it is."""
        t = case.inputs[position]
        if not t.is_float or position in case.op.constants:
            fitted = np.resize(array, self.sizes(t.shape)) if BATCH in t.shape else array
            return self.declare(f"c{len(self.feeds)}", t, fitted)
        if t.shape[:1] != (BATCH,):
            value = self.draw(t.shape, 1 / math.sqrt(max(self.sizes(t.shape)[:1] or (1,))))
        else:
            value = self.fit(self.pick(), t.shape)
        return self.limit(value, case.example.low, case.example.high)

    def pick(self) -> int:
        """A value of the pool, the later ones more often."""
        return self.pool[-1 - min(int(self.rng.geometric(0.5)) - 1, len(self.pool) - 1)]

    def fit(self, value: int, shape: Shape) -> int:
        """The value, or another one, under this shape."""
        same = [v for v in self.pool if self.b.types[v].shape == shape]
        if same and self.rng.random() < 0.7:
            return same[int(self.rng.integers(len(same)))]
        have, want = (math.prod(int(dim) for dim in s[1:]) for s in (self.b.types[value].shape, shape))
        if have != want:
            weight = self.draw((have, want), 1 / math.sqrt(have))
            value = self.b.add(MatMul(), self.reshape(value, (BATCH, have)), weight)
        return self.reshape(value, shape)

    def reshape(self, value: int, shape: tuple[Dim, ...]) -> int:
        return value if self.b.types[value].shape == shape else self.b.add(Reshape(shape), value)

    def limit(self, value: int, low: float, high: float) -> int:
        """The value squeezed between `low` and `high`, if the op needs numbers above 0; sometimes between ±1."""
        if low > 0:
            t = self.b.types[value]
            spread = self.b.add(Scale(float(high - low)), self.b.add(Sigmoid(), value))
            return self.b.add(Add(), spread, self.b.add(Full(t.shape, float(low), t.dtype)))
        return self.b.add(Tanh(), value) if self.rng.random() < 0.3 else value

    def residual(self) -> None:
        """Adds a later value to an earlier one, so that gradients meet."""
        early = self.pool[int(self.rng.integers(len(self.pool)))]
        self.pool.append(self.b.add(Add(), early, self.fit(self.pool[-1], self.b.types[early].shape)))

    def loss(self) -> int:
        """Σ of the last values, weighted at random, and of all loose ones."""
        total = None
        for value in dict.fromkeys([*self.pool[-3:], *self.loose]):
            t = self.b.types[value]
            weights = self.declare(f"c{len(self.feeds)}", t, self.rng.uniform(0.5, 1.5, self.sizes(t.shape)))
            term = self.b.add(ReduceSum(tuple(range(t.rank))), self.b.add(Multiply(), value, weights))
            total = term if total is None else self.b.add(Add(), total, term)
        return total
