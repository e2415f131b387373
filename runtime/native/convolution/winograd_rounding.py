"""How much larger than those of direct sums the rounding errors of Winograd's convolutions may be.

Points are sums of pixels and of taps with weights up to 8, of which most cancels in the results. If rounding errors are
independent and what is summed is of one size, the error of a result in one direction is √(Σⱼ A²ᵢⱼ ΣₖG²ⱼₖ ΣₗB²ⱼₗ) of
that size, where a direct sum of r taps has √r; in two directions the factor comes in twice (Barabasz, Anderson,
Soodhalter and Gregg, Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks, 2020,
have the bounds of the worst case, which are larger).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from graphnet.runtime.native.convolution.winograd_transforms import TAPS, Algorithm

Matrix = list[list[float]]


class _Numbers:
    """Does with numbers what a function that is being written does with vectors."""

    @staticmethod
    def fma(a: float, b: float, c: float) -> float:
        return a * b + c


def _matrix(transform: Callable[[Any, Sequence[Any]], list[Any]], columns: int) -> Matrix:
    """The matrix of a transform, row by row."""
    made = [transform(_Numbers(), [float(k == column) for k in range(columns)]) for column in range(columns)]
    return [list(row) for row in zip(*made, strict=True)]


@cache
def rounding_of_images(algorithm: Algorithm) -> float:
    """Of a convolution, and of its gradient for images."""
    return _rounding(_matrix(algorithm.output, algorithm.points), _matrix(algorithm.filter, TAPS),
                     _matrix(algorithm.image, algorithm.points), TAPS)


@cache
def rounding_of_filters(algorithm: Algorithm) -> float:
    """Of the gradient for filters."""
    return _rounding(_matrix(algorithm.to_filter, algorithm.points), _matrix(algorithm.from_output, algorithm.tile),
                     _matrix(algorithm.image, algorithm.points), algorithm.tile)


def _rounding(after: Matrix, one: Matrix, other: Matrix, summands: int) -> float:
    sizes = [sum(a * a for a in one[j]) * sum(b * b for b in other[j]) for j in range(len(one))]
    worst = max(sum(a * a * size for a, size in zip(row, sizes, strict=True)) for row in after)
    return max(1.0, worst / summands)  # √ in one direction, of two
