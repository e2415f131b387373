"""Kernels on NumPy. Importing this package registers them all."""

from graphnet.runtime.kernels import (
    convolution,
    elementwise,
    fused,
    linear,
    pooling,
    reduction,
    shaping,
    softmax,
    updates,
)
from graphnet.runtime.kernels.registry import NumpyTarget, bind_kernel

__all__ = ["NumpyTarget", "bind_kernel", "convolution", "elementwise", "fused", "linear", "pooling", "reduction",
           "shaping", "softmax", "updates"]
