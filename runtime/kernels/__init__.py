"""Kernels on NumPy. Importing this package registers them all."""

from graphnet.runtime.kernels import (
    blocks,
    convolution,
    elementwise,
    embedding,
    fused,
    linear,
    log_softmax,
    merging,
    moving,
    noise,
    normalization,
    pieces,
    pooling,
    pooling_average,
    prelu,
    recurrent,
    recurrent_gru,
    recurrent_lstm,
    recurrent_simple,
    reduction,
    reduction_max,
    regularisation,
    shaping,
    softmax,
    unit_length,
    updates,
    updates_adam,
    updates_adaptive,
)
from graphnet.runtime.kernels.registry import NumpyTarget, bind_kernel

__all__ = [
    "NumpyTarget", "bind_kernel", "blocks", "convolution", "elementwise", "embedding", "fused",
    "linear", "log_softmax", "merging", "moving", "noise", "normalization", "pieces", "pooling",
    "pooling_average", "prelu", "recurrent", "recurrent_gru", "recurrent_lstm", "recurrent_simple",
    "reduction", "reduction_max", "regularisation", "shaping", "softmax", "unit_length", "updates",
    "updates_adam", "updates_adaptive",
]
