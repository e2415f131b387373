"""The transforms of Winograd's convolutions F(m × m, 3 × 3), on vectors (Lavin and Gray, Fast Algorithms for
Convolutional Neural Networks, 2016, section 4).

A tile of m × m results is Aᵀ ((G w Gᵀ) ⊙ (Bᵀ x B)) A, with the points of w and x summed over channels before Aᵀ and A
are applied. As that is linear in w, the gradient for w is Gᵀ ((A dy Aᵀ) ⊙ (Bᵀ x B)) G.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import Value

Transform = Callable[[Function, Sequence[Value]], list[Value]]
"""A matrix times a column of vectors."""
TAPS = 3
"""Rows and columns of a filter."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """F(m × m, 3 × 3): (m + 2)² products take the place of 9 m².

    Attributes:
        tile: m, the rows and columns of a tile of results.
        image: Bᵀ, from m + 2 pixels to as many points.
        filter: G, from 3 taps to points.
        output: Aᵀ, from points to m results.
        from_output: A, from m gradients of results to points.
        to_filter: Gᵀ, from points to 3 taps.
        rounding: how many times as large as those of direct sums rounding errors of results may be, and those of
            gradients for filters. If they are independent and what is summed is of one size, the error of a result in
            one direction is √(Σⱼ A²ᵢⱼ ΣₖG²ⱼₖ ΣₗB²ⱼₗ) of that size, where a direct sum of r taps has √r; in two
            directions the factor comes in twice (Barabasz, Anderson, Soodhalter and Gregg, Error Analysis and
            Improving the Accuracy of Winograd Convolution for Deep Neural Networks, 2020, have the worst case).
    """

    tile: int
    image: Transform
    filter: Transform
    output: Transform
    from_output: Transform
    to_filter: Transform
    rounding: tuple[float, float]

    @property
    def points(self) -> int:
        """Points in a row or a column: m + 2."""
        return self.tile + TAPS - 1


def _image4(f: Function, x: Sequence[Value]) -> list[Value]:
    p, q = f.fma(x[2], -4.0, x[4]), f.fma(x[1], -4.0, x[3])
    r, s = x[4] - x[2], x[3] - x[1]
    return [f.fma(x[0], 4.0, f.fma(x[2], -5.0, x[4])), p + q, p - q, f.fma(s, 2.0, r), f.fma(s, -2.0, r),
            f.fma(x[1], 4.0, f.fma(x[3], -5.0, x[5]))]


def _filter4(f: Function, w: Sequence[Value]) -> list[Value]:
    s, t = (w[0] + w[2]) * (-1 / 6), f.fma(w[2], 4.0, w[0]) * (1 / 24)
    return [w[0] * 0.25, f.fma(w[1], -1 / 6, s), f.fma(w[1], 1 / 6, s), f.fma(w[1], 1 / 12, t),
            f.fma(w[1], -1 / 12, t), w[2]]


def _output4(f: Function, m: Sequence[Value]) -> list[Value]:
    p, q, r, s = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return [m[0] + p + r, f.fma(s, 2.0, q), f.fma(r, 4.0, p), f.fma(s, 8.0, q) + m[5]]


def _from_output4(f: Function, y: Sequence[Value]) -> list[Value]:
    even, odd, even4, odd4 = y[0] + y[2], y[1] + y[3], f.fma(y[2], 4.0, y[0]), f.fma(y[3], 4.0, y[1])
    return [y[0], even + odd, even - odd, f.fma(odd4, 2.0, even4), f.fma(odd4, -2.0, even4), y[3]]


def _to_filter4(f: Function, u: Sequence[Value]) -> list[Value]:
    s, d, t, e = u[1] + u[2], u[1] - u[2], u[3] + u[4], u[3] - u[4]
    return [f.fma(t, 1 / 24, f.fma(s, -1 / 6, u[0] * 0.25)), f.fma(e, 1 / 12, d * (-1 / 6)),
            f.fma(t, 1 / 6, f.fma(s, -1 / 6, u[5]))]


def _filter2(f: Function, w: Sequence[Value]) -> list[Value]:
    s = (w[0] + w[2]) * 0.5
    return [w[0], f.fma(w[1], 0.5, s), f.fma(w[1], -0.5, s), w[2]]


F2 = Algorithm(2, image=lambda f, x: [x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]], filter=_filter2,
               output=lambda f, m: [m[0] + (m[1] + m[2]), (m[1] - m[2]) - m[3]],
               from_output=lambda f, y: [y[0], y[0] + y[1], y[0] - y[1], y[1] * -1.0],
               to_filter=lambda f, u: [f.fma(u[1] + u[2], 0.5, u[0]), (u[1] - u[2]) * 0.5,
                                       f.fma(u[1] + u[2], 0.5, u[3])], rounding=(5 / 3, 2.0))
"""16 products for 36, and errors as small as those of direct sums."""
F4 = Algorithm(4, image=_image4, filter=_filter4, output=_output4, from_output=_from_output4, to_filter=_to_filter4,
               rounding=(283 / 9, 871 / 36))
"""36 products for 144; errors of some 1e-5 of the size of the summands."""
