"""Initializers that make matrices with a structure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphnet.common.checks import check_number
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array
from graphnet.initializers.base import INITIALIZERS, Initializer

__all__ = ["Identity", "Orthogonal"]


@INITIALIZERS.register()
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """`gain` times a random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, section 3).

    From the QR decomposition of a normal matrix, the signs chosen so that all orthogonal matrices are equally likely
    (Mezzadri 2007, section 5). More than 2 dims are taken as a matrix (first dim, the others).

    Keras / PyTorch: `initializers.Orthogonal` / `nn.init.orthogonal_`. Of a weight with more than 2 dims Keras makes
    the last dim the columns of the matrix, PyTorch as here the first one its rows.

    Example:
        >>> w = gn.initializers.Orthogonal()((2, 5), np.random.default_rng(0))
        >>> np.allclose(w @ w.T, np.eye(2), atol=1e-6)
        True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        self.keep("gain", check_number("Orthogonal", "gain", self.gain))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64.

        Raises:
            ArgumentError: the shape has fewer than 2 dims.
        """
        if len(shape) < 2:
            raise ArgumentError("Orthogonal", "shape", shape, "it must have 2 dims or more; choose another initializer")
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere; the matrix need not be square (Le, Jaitly and Hinton 2015).

    Keras / PyTorch: `initializers.Identity` / `nn.init.eye_`, which has no `gain`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> gn.initializers.Identity(gain=0.5)((2, 3), rng).tolist()
        [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        self.keep("gain", check_number("Identity", "gain", self.gain))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64.

        Raises:
            ArgumentError: the shape does not have 2 dims.
        """
        if len(shape) != 2:
            raise ArgumentError("Identity", "shape", shape, "it must have 2 dims; choose another initializer")
        return self.gain * np.eye(*shape)
