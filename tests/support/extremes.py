"""Ops at their extremes: the examples of each with one attribute, dtype or dim changed to something rare."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from op_cases import Case

from graphnet.compiler.op import Op
from graphnet.compiler.ops import MaxPool2d, MaxPool2dGrad, Update
from graphnet.compiler.types import DTYPES, Array, TensorType
from graphnet.runtime.gnet.codec import hints_of

INTS = (0, -1, 1, 2, 7, 2**31, 2**63 - 1, 2**63, -2**63)
FLOATS = (0.0, -1.0, 1.0, 0.5, float("nan"), float("inf"), float("-inf"), 1e300, 1e-300)
TEXTS = ("", "nonsense", *DTYPES)


@dataclass(frozen=True)
class Extreme:
    """An op class with attributes, which it may refuse, and types of inputs."""

    cls: type[Op]
    attributes: dict[str, Any]
    inputs: tuple[TensorType, ...]
    case: Case
    change: str

    @property
    def id(self) -> str:
        """For reports."""
        return f"{self.cls.name} {self.change}: {self.attributes} {', '.join(map(str, self.inputs))}"

    def arrays(self, op: Op, seed: int = 0) -> tuple[Array, ...]:
        """Random inputs: those of the example where it may give them, else in the ranges that the op declares."""
        rng, ranges = np.random.default_rng(seed), op.index_ranges(*self.inputs)
        if self.inputs == self.case.inputs and not ranges and not isinstance(op, MaxPool2dGrad):
            return self.case.arrays(seed)
        low, high = self.case.example.low, self.case.example.high
        made = [_draw(t, ranges.get(position, (0, 2)), low if not isinstance(op, Update) else 0.1, high, rng)
                for position, t in enumerate(self.inputs)]
        if isinstance(op, MaxPool2dGrad):  # whose last input is what the pooling made
            made[2] = MaxPool2d(**op.attributes()).forward(made[1])[0]
        return tuple(made)


def _draw(t: TensorType, allowed: tuple[Any, Any], low: float, high: float, rng: np.random.Generator) -> Array:
    if t.dtype == "bool":
        return rng.random(t.shape) < 0.5
    if t.is_float:
        return np.asarray(rng.uniform(low, high, t.shape), t.dtype)
    least, most = allowed
    return np.asarray(rng.integers(least, least + 2 if most is None else most, t.shape, endpoint=True), t.dtype)


def extremes_of(case: Case) -> Iterator[Extreme]:
    """The case with one thing changed, in every way."""
    cls, attributes = type(case.op), case.op.attributes()
    for name, hint in hints_of(cls).items():
        for value in _values(attributes[name], hint):
            yield Extreme(cls, attributes | {name: value}, case.inputs, case, name)
    for change, inputs in _inputs(case.inputs):
        yield Extreme(cls, attributes, inputs, case, change)
        if change.startswith("all") and attributes.get("dtype") in DTYPES:
            yield Extreme(cls, attributes | {"dtype": inputs[0].dtype if inputs else "bool"}, inputs, case, change)


def _values(value: Any, hint: Any) -> Iterator[Any]:
    """Other values of the type of an attribute."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (other for other in INTS if other != value)
    elif isinstance(value, float):
        yield from (other for other in FLOATS if other != value)
    elif isinstance(value, str):
        yield from (other for other in TEXTS if other != value)
    elif isinstance(value, tuple):
        kinds = typing.get_args(hint)
        for index, part in enumerate(value):
            kind = kinds[0] if kinds[-1:] == (Ellipsis,) else kinds[index]
            yield from ((*value[:index], other, *value[index + 1:]) for other in _values(part, kind))
        if kinds[-1:] == (Ellipsis,):
            yield from ((), value[:-1], (*value, *value[-1:]), (*value, *value), value[::-1]) if value else ((1,),)


def _inputs(inputs: tuple[TensorType, ...]) -> Iterator[tuple[str, tuple[TensorType, ...]]]:
    for dtype in DTYPES:
        yield f"all {dtype}", tuple(TensorType(dtype, t.shape) for t in inputs)
        yield f"all floats {dtype}", tuple(TensorType(dtype, t.shape) if t.is_float else t for t in inputs)
        for position, t in enumerate(inputs):
            yield f"x{position} {dtype}", _put(inputs, position, TensorType(dtype, t.shape))
    for position, t in enumerate(inputs):
        for shape in _shapes(t.shape):
            yield f"x{position} of {shape}", _put(inputs, position, t.with_shape(shape))
    yield "one more", (*inputs, *inputs[-1:])
    yield "one less", inputs[:-1]
    for size in sorted({dim for t in inputs for dim in t.shape if isinstance(dim, int)}):
        for new in (0, 1):
            yield f"{size} as {new}", tuple(t.with_shape(tuple(new if dim == size else dim for dim in t.shape))
                                            for t in inputs)


def _shapes(shape: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield from ((), ("N",), ("N", *shape[1:]), shape[1:], (*shape, 1), (1, *shape), (0,) * len(shape))
    for axis, dim in enumerate(shape):
        yield from ((*shape[:axis], new, *shape[axis + 1:]) for new in (0, 1, dim + 1, "T"))


def _put(inputs: tuple[TensorType, ...], position: int, t: TensorType) -> tuple[TensorType, ...]:
    return (*inputs[:position], t, *inputs[position + 1:])
