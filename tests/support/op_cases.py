"""Cases of the op contract: an op, typed arrays that fit it, and one-node graphs around it. Driven by the registry."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pytest
import recurrent_examples

import graphnet.compiler.ops  # noqa: F401  registers all ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.ir import BUFFER, OPTIMIZER, Graph, Output
from graphnet.compiler.op import Example, Op, Types, registered_ops
from graphnet.compiler.ops import Update
from graphnet.compiler.types import BATCH, FLOATS, Array, Dim, TensorType


@dataclass(frozen=True)
class Case:
    """An op and the types of its inputs, with the example that they come from."""

    op: Op
    inputs: Types
    example: Example

    @property
    def id(self) -> str:
        """For test reports: `matmul{transpose_w=True}:f64[3,4],f64[5,4]`."""
        return f"{self.op}:{','.join(map(str, self.inputs))}"

    def cast(self, dtype: str) -> Case:
        """The same case with every floating-point value of this dtype."""
        op = replace(self.op, dtype=dtype) if getattr(self.op, "dtype", None) in FLOATS else self.op
        return replace(self, op=op, inputs=tuple(TensorType(dtype, t.shape) if t.is_float else t for t in self.inputs))

    def arrays(self, seed: int = 0) -> tuple[Array, ...]:
        """Random inputs, as the example wants them."""
        rng = np.random.default_rng(seed)
        made = self.example.values(rng) if self.example.values else _draw(self.example, self.inputs, rng)
        return tuple(np.asarray(a, t.dtype) for a, t in zip(made, self.inputs, strict=True))

    @property
    def symbolic(self) -> Case | None:
        """The case with its batch as the symbol N; None if no leading dim may be a symbol."""
        return next((case for case, _ in symbolic_forms(self)), None)

    @property
    def batch(self) -> int:
        """The number that the symbol of `symbolic` stands for; 0 if there is none."""
        return next((size for _, size in symbolic_forms(self)), 0)


def all_cases(differentiable: bool = False) -> list[object]:
    """A pytest parameter for each example of each op (that has a pullback, if asked)."""
    return [pytest.param(case, id=case.id) for cls in registered_ops().values()
            for case in cases_of(cls) if not differentiable or cls.differentiable]


def examples_of(cls: type[Op]) -> tuple[Example, ...]:
    """The examples of an op: its own, and those that stand with the tests."""
    return (*cls.examples(), *recurrent_examples.EXAMPLES.get(cls, ()))


def cases_of(cls: type[Op]) -> list[Case]:
    """The cases of one op."""
    return [Case(example.op, example.inputs, example) for example in examples_of(cls)]


def symbolic_forms(case: Case) -> list[tuple[Case, int]]:
    """The forms of a case in which one leading size is the symbol N, and that size, as far as the op takes them.

    Only leading dims become symbols, or else every dim of that size: the batch is not always the first axis.
    """
    forms = []
    for size in dict.fromkeys(_leading_sizes(case)):
        for everywhere in (False, True):
            form = with_symbol(case, size, everywhere)
            with suppress(ShapeError):
                form.op.infer(*form.inputs)
                forms.append((form, size))
                break
    return forms


def one_node_graph(case: Case) -> Graph:
    """A graph of this one op: inputs `x0`, `x1`, …, outputs `y0`, …; what the op advances is a weight or a state."""
    b = Builder("case")
    advanced = {position: index for index, position in case.op.advances().items()}
    ids = [_declare(b, case.op, position, t, position in advanced) for position, t in enumerate(case.inputs)]
    made = b.apply(case.op, *ids)
    for position, index in advanced.items():
        b.advance(ids[position], made[index])
    return b.build([Output(f"y{i}", value) for i, value in enumerate(made)])


def _declare(b: Builder, op: Op, position: int, t: TensorType, advanced: bool) -> int:
    name, is_update = f"x{position}", isinstance(op, Update)
    if not advanced:
        return b.input(name, t)
    if is_update and position < 2 + op.count:  # type: ignore[attr-defined]
        return b.parameter(name, t)
    return b.state(name, t, OPTIMIZER if is_update else BUFFER)


def _leading_sizes(case: Case) -> Iterator[int]:
    shapes = [t.shape for t in case.inputs]
    shape = getattr(case.op, "shape", None)
    for dims in [*([shape] if isinstance(shape, tuple) else []), *shapes]:
        if dims and isinstance(dims[0], int):
            yield dims[0]


def with_symbol(case: Case, size: int, everywhere: bool) -> Case:
    def swap(shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
        return tuple(BATCH if dim == size and (everywhere or axis == 0) else dim for axis, dim in enumerate(shape))

    shape = getattr(case.op, "shape", None)
    op = replace(case.op, shape=swap(shape)) if isinstance(shape, tuple) else case.op
    return replace(case, op=op, inputs=tuple(t.with_shape(swap(t.shape)) for t in case.inputs))


def _draw(example: Example, types: Types, rng: np.random.Generator) -> tuple[Array, ...]:
    floats = _spaced(example, sum(t.size for t in types if t.is_float), rng)
    arrays: list[Array] = []
    for t in types:
        if t.is_float:
            taken, floats = floats[:t.size], floats[t.size:]
            arrays.append(taken.reshape(t.shape).astype(t.dtype))
        else:
            arrays.append(rng.integers(0, 2 if t.dtype == "bool" else _ceiling(example), t.shape).astype(t.dtype))
    return tuple(arrays)


def _ceiling(example: Example) -> int:
    return max(math.ceil(example.high), 1)


def _spaced(example: Example, count: int, rng: np.random.Generator) -> Array:
    """Numbers in [low, high); with a kink all of them at least that far from zero and from one another."""
    if not example.kink:
        return rng.uniform(example.low, example.high, count)
    grid = np.arange(example.low, example.high, 2 * example.kink)
    grid = grid[abs(grid) >= 2 * example.kink]
    if len(grid) < count:
        raise ValueError(f"{example.op} has a kink too wide for {count} numbers in [{example.low}, {example.high})")
    return rng.choice(grid, count, replace=False) + rng.uniform(-0.5, 0.5, count) * example.kink
