"""The error function as steps that NumPy has; those of `compiler/ops/erf.py`, which says where they come from."""

from __future__ import annotations

from graphnet.compiler.expression import Expression, apply, exp, maximum, minimum, where
from graphnet.compiler.ops.erf import END, FAR, NEAR, SWITCH


def erf_in_steps(x: Expression) -> Expression:
    """erf(x)."""
    size = minimum(abs(x), END)
    inner, outer = minimum(size, SWITCH), maximum(size, SWITCH)
    near = inner * _ratio(NEAR, inner * inner)
    far = 1 - exp(-outer * outer) * _ratio(FAR, outer)
    return apply("copysign", where(size <= SWITCH, near, far), x)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Expression) -> Expression:
    return _polynomial(coefficients[0], x) / _polynomial(coefficients[1], x)


def _polynomial(coefficients: tuple[float, ...], x: Expression) -> Expression:
    first, second, *others = coefficients
    y = (x if first == 1 else first * x) + second
    for c in others:
        y = y * x + c
    return y
