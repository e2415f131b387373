"""Clipping strided positions to an image, for kernels that skip the padding instead of storing it."""

from __future__ import annotations


def clip_steps(start: int, stride: int, size: int, count: int) -> tuple[slice, slice]:
    """Of the positions start + i · stride, i in [0, count), those inside [0, size): as a slice of them and one of i."""
    first = max(-(start // stride), 0)
    last = min((size - 1 - start) // stride, count - 1)
    if last < first:
        return slice(0, 0), slice(0, 0)
    return slice(start + first * stride, start + last * stride + 1, stride), slice(first, last + 1)
