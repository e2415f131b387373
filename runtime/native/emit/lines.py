"""Lines along one axis of arrays, each taken by itself: what softmax, losses, lengths and metrics are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from graphnet.compiler.op import Op
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function, vectors
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import F32, I8, I32, INTS, Value, element_of
from graphnet.runtime.native.emit.call import Call, emitter, need
from graphnet.runtime.native.emit.views import View, seen
from graphnet.runtime.native.emit.walk import Group, Place, Walk

_MOST = 127 + 103
"""The exponent, as it is stored, of the largest factor: subnormal numbers come far enough with it, and no ε too far."""


def along(f: Function, call: Call, form: Operand, axes: Sequence[int] | None = None, outputs: bool = True,
          more: Sequence[View] = (), **options: Any) -> Walk:
    """A walk over an operand of a call that joins its elements along axes, by default the op's, or the last.

    It reads the inputs and `more`, and writes the outputs if that is said.
    """
    need(all(o.dtype != "float64" for o in call.inputs), "float64 operands")
    axes = (getattr(call.op, "axis", -1) % len(form.shape),) if axes is None else axes
    return Walk(f, form, [*seen(call.x, call.inputs, form, axes), *more],
                seen(call.y, call.outputs, form, axes) if outputs else (), axes, **options)


def by_line(*ops: type[Op], of: int = 0) -> Callable[[Callable[[Group, Call], None]], Callable[[Group, Call], None]]:
    """Registers a function that writes what becomes of a line of these ops, along their axis of input `of`."""
    def register(write: Callable[[Group, Call], None]) -> Callable[[Group, Call], None]:
        @emitter(*ops)
        def emit(f: Function, call: Call) -> None:
            along(f, call, call.inputs[of], gathered=True).each(lambda line: write(line, call))
        return write
    return register


def whole(f: Function, value: Value) -> Value:
    """Class numbers, or those of rows of a table, as 32 bits."""
    held = element_of(value.type)
    return value if held == I32 else f.convert("zext" if held == I8 else "trunc", value, I32)


def whole_vectors(count: int) -> int:
    """The floats of the vectors that cover so many."""
    return -(-count // LANES) * LANES


def write_constants(f: Function, pointer: Value, numbers: Sequence[float]) -> None:
    """Writes known numbers, and 0 behind them up to whole vectors."""
    for c, _ in vectors(len(numbers)):
        f.store(f.list_constant([*numbers[c:c + LANES], *[0.0] * LANES][:LANES], F32), pointer, c)


class Length(NamedTuple):
    """What x / ‖x‖ has at a place; a power of two, and max(‖x‖, the least that counts) scaled with it; 1 if ‖x‖ is more
    than that least, else 0."""

    unit: Callable[[Place], Value]
    shift: Value
    length: Value
    counts: Value


def measure(of: Group, i: int, least: float) -> Length:
    """The length of a line of input i, counted as at least `least`: its squares neither overflow nor vanish, being
    scaled as in `compiler/ops/norms.py`."""
    f = of.f
    greatest = of.top(lambda at: f.intrinsic("fabs", at.x(i)), 0.0)
    exponent = f.bitwise("lshr", f.bits(greatest, I32), 23)
    power = f.intrinsic("smin", 255 - exponent, f.constant(_MOST, INTS))  # brings the greatest to 2 or more, below 4
    power = f.intrinsic("smax", power, f.constant(1, INTS))
    shift = f.bits(f.bitwise("shl", power, 23), F32)

    def scaled(at: Place) -> Value:
        return at.x(i) * shift
    floor = shift * least
    length = f.greater(f.intrinsic("sqrt", of.total(scaled, scaled)), floor)
    counts = f.select(f.test("ogt", length, floor), f.splat(1.0), 0.0)
    return Length(lambda at: scaled(at) / length, shift, length, counts)
