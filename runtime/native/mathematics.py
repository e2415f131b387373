"""Functions of vectors and scalars of float32, as polynomials: to a few units in the last place, subnormals included."""

from __future__ import annotations

FUNCTIONS: tuple[str, ...] = ()
"""The functions of `compiler/expression.py` that are made here."""
