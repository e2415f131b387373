"""Lengths of vectors whose squares neither overflow nor vanish: see `compiler/ops/norms.py`, which scales likewise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from graphnet.runtime.native.lines import Line, Place
from graphnet.runtime.native.values import F32, I32, INTS, Value

_MOST = 127 + 103
"""The exponent, as it is stored, of the largest factor: subnormal numbers come far enough with it, and no ε too far."""


class Length(NamedTuple):
    """A vector and its length.

    Attributes:
        unit: what the vector of length 1 has at a place.
        shift: the power of two that lengths are scaled with.
        length: max(‖x‖, the least that counts), scaled.
        counts: 1 if ‖x‖ is more than that least, else 0.
    """

    unit: Callable[[Place], Value]
    shift: Value
    length: Value
    counts: Value


def measure(of: Line, i: int, least: float) -> Length:
    """The length of a line of input i, counted as at least `least`."""
    f = of.f
    greatest = of.top(lambda at: f.intrinsic("fabs", at.x(i)), 0.0)
    exponent = f.instruction(f"lshr {INTS}", f.bits(greatest, I32), f.constant(23, INTS))
    power = f.intrinsic("smin", 255 - exponent, f.constant(_MOST, INTS))  # brings the greatest to 2 or more, below 4
    power = f.intrinsic("smax", power, f.constant(1, INTS))
    shift = f.bits(f.instruction(f"shl {INTS}", power, f.constant(23, INTS)), F32)

    def scaled(at: Place) -> Value:
        return at.x(i) * shift
    floor = shift * least
    length = f.greater(f.intrinsic("sqrt", of.total(scaled, scaled)), floor)
    counts = f.select(f.test("ogt", length, floor), f.splat(1.0), 0.0)
    return Length(lambda at: scaled(at) / length, shift, length, counts)
