"""Euclidean norms whose squares neither overflow nor vanish: √Σ x² as 2ᵉ √Σ (x · 2⁻ᵉ)².

Scaling by powers of two is exact, so where it is not needed it changes no bit (Blue 1978, A Portable Fortran Program to
Find the Euclidean Norm of a Vector, ACM TOMS 4, scales for the same reason).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphnet.compiler.types import Array


class Measured(NamedTuple):
    """Vectors scaled to a size whose squares can be summed up, and their lengths, scaled likewise.

    Attributes:
        x: the vectors times 2⁻ᵉ.
        length: max(‖x‖₂, the smallest length that counts), times 2⁻ᵉ; the axes stay as ones.
        shift: 2⁻ᵉ, for each vector or for all.
    """

    x: Array
    length: Array
    shift: Array


def measure(x: Array, axes: int | tuple[int, ...], least: float) -> Measured:
    """The lengths of vectors over `axes`, counting as at least `least`."""
    scalar = x.dtype.type
    with np.errstate(over="ignore"):
        length = np.maximum(np.sqrt(np.square(x).sum(axes, keepdims=True)), scalar(least))
    if is_ordinary(length):
        return Measured(x, length, np.ones((), x.dtype))
    info = np.finfo(x.dtype)
    exponent = np.maximum(np.frexp(np.abs(x).max(axes, keepdims=True, initial=0))[1], info.minexp + info.nmant)
    scaled, shift = np.ldexp(x, -exponent), np.ldexp(scalar(1), -exponent)
    length = np.sqrt(np.square(scaled).sum(axes, keepdims=True))
    return Measured(scaled, np.maximum(length, scalar(least) * shift), shift)


def is_ordinary(lengths: Array) -> bool:
    """Whether lengths, computed without scaling, have lost nothing."""
    return bool(lengths.max(initial=0) < np.inf and lengths.min(initial=np.inf) >= _lowest(lengths.dtype))


def _lowest(dtype: np.dtype[Any]) -> float:
    """The length from which on no square that counts is lost: below, some are less than the smallest normal number."""
    info = np.finfo(dtype)
    return float(np.sqrt(info.tiny) / info.eps)
