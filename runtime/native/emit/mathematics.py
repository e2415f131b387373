"""Functions of vectors and scalars of float32, as polynomials: to 3 units in the last place, most to one or so.

NaN, infinities and -0 come out as IEEE 754 and C99's annex F have them. Nothing converts a float to an integer, which
LLVM leaves undefined for NaN: a sum with 1.5 · 2²³ rounds to a whole number, which then stands in its low bits.
Polynomials are those of Cephes (Moshier 1992), in single precision, except that of 2ˣ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import F32, I32, Value

FUNCTIONS = ("sign", "exp", "exp2", "expm1", "log", "log1p", "tanh")
"""The functions of `compiler/expression.py` that are made here."""

_ROUNDING = 1.5 * 2.0 ** 23
_LOG2_E = 1.44269504088896341
_LN2 = 0.693359375, -2.12194440e-4
"""ln 2 in two parts, of which the first has so few bits that its product with an exponent is exact."""
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
"""(eʳ - 1 - r) / r² for |r| ≤ ln 2 / 2, highest power first."""
_EXP2 = (1.5297324353e-5, 1.5461444855e-4, 1.3333501993e-3, 9.6180569381e-3, 5.5504109710e-2, 2.4022650719e-1,
         6.9314718246e-1)
"""(2ʳ - 1) / r for |r| ≤ ½, where it agrees with its polynomial in the Chebyshev nodes."""
_LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
"""(log(1 + r) - r + r² / 2) / r³ for √½ ≤ 1 + r < √2."""
_ROOT_HALF = 0x3F3504F3
"""The bits of √½."""


def sign(f: Function, x: Value) -> Value:
    """1, -1, or what is neither: 0 or NaN."""
    below = f.select(f.test("olt", x, 0.0), f.constant(-1.0, x.type), x)
    return f.select(f.test("ogt", x, 0.0), f.constant(1.0, x.type), below)


def exp(f: Function, x: Value) -> Value:
    """eˣ = 2ⁿ eʳ."""
    x = _between(f, x, -104.0, 89.0)
    whole, n = _rounded(f, x, _LOG2_E, 254)
    r = _rest(f, x, n)
    return _scaled(f, f.fma(f.fma(_polynomial(f, _EXP, r), r, 1.0), r, 1.0), whole)


def exp2(f: Function, x: Value) -> Value:
    """2ˣ = 2ⁿ 2ʳ."""
    x = _between(f, x, -151.0, 129.0)
    whole, n = _rounded(f, x, 1.0, 254)
    r = x - n
    return _scaled(f, f.fma(_polynomial(f, _EXP2, r), r, 1.0), whole)


def expm1(f: Function, x: Value) -> Value:
    """eˣ - 1 = 2 (2ⁿ⁻¹ (eʳ - 1) + (2ⁿ⁻¹ - ½)), of which the last part is 0 near 0; x where it is so small."""
    near = _between(f, x, -20.0, 89.0)
    whole, n = _rounded(f, near, _LOG2_E, 126)
    half = _power(f, whole)
    made = f.fma(half, _grown(f, _rest(f, near, n)), half - 0.5)
    return f.select(f.test("olt", f.intrinsic("fabs", x), 2.0 ** -30), x, made + made)


def log(f: Function, x: Value) -> Value:
    """log x = n ln 2 + log(1 + r)."""
    return _log(f, x, None)


def log1p(f: Function, x: Value) -> Value:
    """log(1 + x) = log u + c / u, where u is 1 + x as rounded, and c what it is less."""
    u = x + 1.0
    lack = f.smaller(x, 1.0) - (u - f.greater(x, 1.0))
    return f.intrinsic("copysign", _log(f, u, lack / u), x)


def tanh(f: Function, x: Value) -> Value:
    """As `tanh_of_half`, with the sign of -0."""
    return f.intrinsic("copysign", tanh_of_half(f, x + x), x)


def tanh_of_half(f: Function, x: Value) -> Value:
    """tanh(x / 2) = (eˣ - 1) / (eˣ + 1), to 3 units in the last place."""
    x = _between(f, x, -40.0, 40.0)
    whole, n = _rounded(f, x, _LOG2_E, 127)
    power = _power(f, whole)
    grown = f.fma(power, _grown(f, _rest(f, x, n)), power - 1.0)
    return grown / (grown + 2.0)


def _log(f: Function, x: Value, small: Value | None) -> Value:
    """log x, to which a small number is added before it is rounded."""
    tiny = f.test("olt", x, 2.0 ** -126)
    bits = f.bits(f.select(tiny, x * 2.0 ** 23, x), I32)
    moved = f.bitwise("sub", bits, _ROOT_HALF)
    n = f.convert("sitofp", f.bitwise("ashr", moved, 23), F32) - f.select(tiny, f.constant(23.0, x.type), 0.0)
    r = f.bits(f.bitwise("add", f.bitwise("and", moved, 0x7FFFFF), _ROOT_HALF), F32) - 1.0
    square = r * r
    y = f.fma(n, _LN2[1], _polynomial(f, _LOG, r) * r * square)
    y = f.fma(square, -0.5, y if small is None else y + small)
    made = f.select(f.test("olt", x, math.inf), f.fma(n, _LN2[0], r + y), x)  # ∞ and NaN stay
    below = f.select(f.test("oeq", x, 0.0), f.constant(-math.inf, x.type), math.nan)
    return f.select(f.test("ugt", x, 0.0), made, below)


def _between(f: Function, x: Value, least: float, most: float) -> Value:
    """A number held between two; NaN stays."""
    return f.smaller(f.greater(x, least), most)


def _rounded(f: Function, x: Value, factor: float, bias: int) -> tuple[Value, Value]:
    """x · factor rounded to a whole number n: the integer n + bias in the low bits, and n."""
    shifted = f.fma(x, factor, _ROUNDING + bias)
    return f.bits(shifted, I32), shifted - (_ROUNDING + bias)


def _power(f: Function, whole: Value) -> Value:
    """2ᵏ⁻¹²⁷ for an integer k from 0 to 254 in the low bits."""
    return f.bits(f.bitwise("shl", whole, 23), F32)


def _scaled(f: Function, x: Value, whole: Value) -> Value:
    """x 2ⁿ for the integer n + 254. Two factors make 2ⁿ, so what is below the normal numbers is rounded once."""
    half = f.bitwise("lshr", whole, 1)
    return x * _power(f, half) * _power(f, f.bitwise("sub", whole, half))


def _rest(f: Function, x: Value, n: Value) -> Value:
    """x - n ln 2."""
    return f.fma(n, -_LN2[1], f.fma(n, -_LN2[0], x))


def _grown(f: Function, r: Value) -> Value:
    """eʳ - 1 for |r| ≤ ln 2 / 2."""
    return f.fma(_polynomial(f, _EXP, r), r * r, r)


def _polynomial(f: Function, coefficients: Sequence[float], x: Value) -> Value:
    """By Horner's rule, the coefficient of the highest power first."""
    y = f.constant(coefficients[0], x.type)
    for coefficient in coefficients[1:]:
        y = f.fma(y, x, coefficient)
    return y
