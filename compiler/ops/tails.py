"""Formulas of activations that fall off like exp(-t), computed so that every bit is right however far out.

Each is written once, for arrays (`m` is NumPy) and for expressions (`m` is `graphnet.compiler.expression`). Four things
would be lost otherwise:

- 1 - y where y is nearly 1: so everything is told from e = exp(-|x|), and the other side by symmetry.
- What a number below the smallest normal one loses, which a factor then multiplies: so 2⁻ᵗ becomes 2⁶⁴⁻ᵗ · 2⁻⁶⁴, and
  the factors come between the two.
- An error of t itself, which a power makes t times as large in its result: so 64 - t is a difference hi - less, and
  2⁶⁴⁻ᵗ is 2ʰⁱ (1 - less ln 2) (Dekker 1971, A floating-point technique for extending the available precision).
  Products are exact where their factors have few bits: `_coarse` leaves a number the bits in front of a fixed place.
- Two units in the last place in the exponential of float32 that NumPy has; its powers of two are right to half a unit.
"""

from __future__ import annotations

import math
from typing import Any

Number = Any  # an Array or an Expression
Exponent = tuple[Number, Number]
"""hi and less with 64 - t = hi - less, for 2⁻ᵗ with t ≥ 0."""
UP, DOWN, HALF_DOWN = 64.0, 2.0 ** -64, 2.0 ** -32
END = 40.0
"""From here on exp(-x² / 2), and less than it, is 0 in every dtype."""
CUBIC = 0.044715  # Hendrycks and Gimpel 2016, section 2
DENSITY = 1 / math.sqrt(2 * math.pi)

# Constants in two parts, the first of 12 bits, or 5.
LOG2_E = 2955 / 2**11, -1.76052861036592640075318998108e-4
HALF_LOG2_E = 23 / 2**5, 2.59752044448170367996234050095e-3
K = 22.25, 0.11386000223638600022  # 1 / 0.044715
C = 3373 / 2**15, 7.44856439848741762210466007377e-6  # √(8/π) · 0.044715 · log₂ e
D = 110 / 2**9, 3 * math.sqrt(8 / math.pi) * CUBIC - 110 / 2**9  # 3 √(8/π) · 0.044715

# δ(a) of exp(-a² / 2) / Φ(-a) = √(2π) a + δ(a) for 0 ≤ a ≤ 40, Φ the standard normal distribution: rational functions
# of which no coefficient is negative, so nothing cancels. Highest power first. That for float64 agrees with it in 20
# Chebyshev nodes of (a - 3) / (a + 3); the sum is off by 2e-17 of itself. That for float32, whose results end at 14,
# has the least largest error of its degree and coefficients that float32 holds; the sum is off by 2e-8 of itself.
MILLS = {
    "float64": ((2.506628274466135, 75.65850776764684, 1120.5936383667274, 10571.06959659592, 69636.93262769276,
                 331868.25789150625, 1147435.326688094, 2796486.5064324993, 4423953.464932147, 3579037.2297972064),
                (1.0, 30.18337760746691, 449.0521826700527, 4277.613303116695, 28669.22336772393, 140649.6118670272,
                 510683.59811719373, 1356374.5701878879, 2532334.2244050005, 3026976.4374108207, 1789518.6148986032)),
    "float32": ((0.0002615236153360456, 2.4948232173919678, 23.816669464111328, 95.16437530517578, 208.20860290527344),
                (1.0, 9.411274909973145, 40.94975280761719, 94.9942855834961, 104.10430145263672))}


def logistic(m: Any, x: Number) -> Number:
    """σ(x) = 1 / (1 + exp(-x))."""
    e = m.exp(-abs(x))
    return m.maximum(e, x >= 0) / (1 + e)


def swish(m: Any, x: Number, a: Number, t: Exponent) -> Number:
    """x σ(s) for an odd s of x with exp(-|s|) = 2⁻ᵗ = e: max(x, 0) - a e / (1 + e) with a = |x|."""
    e, lack = _power(m, t)
    return m.maximum(x, 0) - a * e / (1 + (e * DOWN + lack)) * DOWN


def swish_grad(m: Any, g: Number, x: Number, rest: Number, less: Number, t: Exponent) -> Number:
    """g times the derivative y' of x σ(s): y'(-a) = e (r + e) / (1 + e)² with r = 1 - a ds/da = rest - less.

    y'(a) = 1 - y'(-a), since x σ(s) + x σ(-s) = x.
    """
    e, lack = _power(m, t)
    near = (e - e * lack) * DOWN
    return _mirror(m, g, x, (rest + (near - ((rest + near) * lack + less))) / (1 + near * (2 + near)), e)


def gelu(m: Any, x: Number, a: Number) -> Number:
    """x Φ(x) = max(x, 0) - a Φ(-a), with a = |x| up to 40."""
    e, lack = _power(m, square(m, a))
    line, rest = _rate(x, a)
    return m.maximum(x, 0) - a * e / ((rest + (rest + line) * lack) + line) * DOWN


def gelu_grad(m: Any, g: Number, x: Number, a: Number) -> Number:
    """g times the derivative y' of x Φ(x): y'(-a) = Φ(-a) - a φ(a), y'(a) = 1 - y'(-a)."""
    e, lack = _power(m, square(m, a))
    line, rest = _rate(x, a)
    chance, density = 1 / (line + rest), a * DENSITY
    return _mirror(m, g, x, (chance + (density - chance) * lack) - density, e)


def _mirror(m: Any, g: Number, x: Number, factor: Number, e: Number) -> Number:
    """g y' where y'(-|x|) = factor · e / 2⁶⁴ and y'(|x|) = 1 - y'(-|x|). A half of the 2⁶⁴ goes to g beforehand."""
    tail = g * HALF_DOWN * factor * e * HALF_DOWN
    return m.where(x < 0, tail, g - tail)


def linear(m: Any, a: Number) -> Exponent:
    """exp(-a) = 2⁻ᵗ for 0 ≤ a ≤ 1000."""
    coarse = _coarse(m, a, 16)
    return _join(coarse * LOG2_E[0], (a - coarse) * LOG2_E[0] + a * LOG2_E[1])


def square(m: Any, a: Number) -> Exponent:
    """exp(-a² / 2) = 2⁻ᵗ for 0 ≤ a ≤ 40."""
    coarse = _coarse(m, a + 1 / 64, 32)
    large = coarse * coarse  # 18 bits below 16, where float32 ends, so that its product with 5 bits is exact
    return _join(large * HALF_LOG2_E[0], (a - coarse) * (a + coarse) * sum(HALF_LOG2_E) + large * HALF_LOG2_E[1])


def cubic(m: Any, a: Number) -> tuple[Exponent, Number, Number]:
    """exp(-s) = 2⁻ᵗ for s = √(8/π) (a + 0.044715 a³), 0 ≤ a ≤ 40, as t = c a (k + a²).

    The difference of the other two is 1 - a ds/da = 1 - d a (k/3 + a²).
    """
    coarse = _coarse(m, a, 256)
    rest = a - coarse
    large, small = coarse * coarse + K[0], rest * (a + coarse) + K[1]
    cut = _coarse(m, large, 16)
    t = _times(m, coarse * cut, coarse * (large - cut) + (rest * large + a * small), 2, C)
    coarse, cut = _coarse(m, a, 16), _coarse(m, large, 4)
    first, second = cut - 15, (large - cut) + (small - (2 / 3 * sum(K) - 15))  # k/3 + a²
    product = coarse * first
    less = (coarse * second + (a - coarse) * (first + second)) * sum(D) + product * D[1]
    return t, 1 - product * D[0], less


def _rate(x: Number, a: Number) -> tuple[Number, Number]:
    """The summands of exp(-a² / 2) / Φ(-a) for a = |x| up to 40."""
    above, below = MILLS[str(x.dtype)]
    return a * (1 / DENSITY), _polynomial(above, a) / _polynomial(below, a)


def _power(m: Any, t: Exponent) -> tuple[Number, Number]:
    """2ʰⁱ, and the share of it that 2⁶⁴⁻ᵗ is less."""
    hi, less = t
    return m.exp2(hi), less * math.log(2)


def _times(m: Any, large: Number, small: Number, scale: float, factor: tuple[float, float]) -> Exponent:
    """(large + small) · factor, where large is exact, so that 12 bits of it are before the place of 1 / scale."""
    coarse = _coarse(m, large, scale)
    return _join(coarse * factor[0], (large - coarse) * factor[0] + (large * factor[1] + small * sum(factor)))


def _coarse(m: Any, x: Number, scale: float) -> Number:
    return m.floor(x * scale) * (1 / scale)


def _join(large: Number, small: Number) -> Exponent:
    """64 - large - small as a number and how much less the difference is; 64 - large is exact."""
    rest = UP - large
    hi = rest - small
    return hi, small - (rest - hi)


def _polynomial(coefficients: tuple[float, ...], x: Number) -> Number:
    """Σ cᵢ xⁿ⁻ⁱ by Horner's rule."""
    first, second, *others = coefficients
    y = (x if first == 1 else first * x) + second
    for c in others:
        y = y * x + c
    return y
