"""Every layer but the activations with its formula in plain NumPy and its twin in PyTorch.

A new one needs its class in `graphnet/layers` and a case here; the formula and its gradient are checked by
`tests/graphnet/layers/test_formulas.py`, the twin by `tests/parity/test_layers.py`. Other files go further: random
arguments, other shapes, running statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from lazy_torch import functional as f
from lazy_torch import torch

from graphnet import layers as L
from graphnet.compiler import ops

Array = np.ndarray[Any, Any]
ROW, STEPS, LINE, IMAGE = (4,), (5, 3), (4, 9), (4, 6, 7)


@dataclass(frozen=True)
class LayerCase:
    """A layer with some arguments.

    Attributes:
        make: makes the layer.
        shapes: of a sample of each input.
        formula: y from the inputs, with the batch first, and the weights by name; as it is outside of training.
        twin: the same of torch tensors; or why it is not here: the file that compares the layer, or what torch lacks.
        steady: whether training computes the same.
        words: the inputs are whole numbers below this; 0 for floats.
    """

    make: Callable[[], L.Layer]
    shapes: tuple[tuple[int, ...], ...]
    formula: Callable[..., Array]
    twin: Callable[..., Any] | str
    steady: bool = True
    words: int = 0


def windows(x: Array, *size: int) -> Array:
    """Every window over the last axes, its elements on as many more."""
    return np.lib.stride_tricks.sliding_window_view(x, size, tuple(range(-len(size), 0)))


def pad(x: Array, *margins: tuple[int, int], value: float = 0.0) -> Array:
    """With elements before and after along each of the last axes."""
    return np.pad(x, [(0, 0)] * (x.ndim - len(margins)) + list(margins), constant_values=value)


def conv2d(x: Array, w: Any) -> Array:
    """A stride of 2 rows, with a row above and two columns to the right."""
    patches = windows(pad(x, (1, 0), (0, 2)), 3, 2)[:, :, ::2]
    return np.einsum("ncijkl,fckl->nfij", patches, w["weight"]) + w["bias"][:, None, None]


def conv1d(x: Array, w: Any) -> Array:
    """Causal, a kernel of 3."""
    return np.einsum("ncik,fck->nfi", windows(pad(x, (2, 0)), 3), w["weight"]) + w["bias"][:, None]


def max_pool2d(x: Array) -> Array:
    """Windows of 3 × 3 at every other place, with a margin of 1 that never wins."""
    return windows(pad(x, (1, 1), (1, 1), value=-np.inf), 3, 3)[:, :, ::2, ::2].max((4, 5))


def depthwise(x: Array, w: Any) -> Array:
    """Two filters for each channel, one after the other."""
    patches = np.repeat(windows(x, 2, 3), 2, 1)
    return np.einsum("ncijkl,ckl->ncij", patches, w["weight"][:, 0]) + w["bias"][:, None, None]


def transposed(x: Array, w: Any) -> Array:
    """A stride of 2: each element adds a filter."""
    n, _, rows, columns = x.shape
    y = np.zeros((n, 2, 2 * rows + 1, 2 * columns + 1))
    for i in range(rows):
        for j in range(columns):
            y[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3] += np.einsum("nc,cfkl->nfkl", x[:, :, i, j], w["weight"])
    return y + w["bias"][:, None, None]


def standard(x: Array, *axes: int) -> Array:
    """Of mean 0 and variance 1 over the axes."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def rnn(x: Array, w: Any, way: str = "") -> Array:
    """The last hidden state."""
    h = 0.0
    for t in range(x.shape[1]):
        before = h @ w[f"{way}recurrent_weight"] if t else 0.0
        h = np.tanh(x[:, t] @ w[f"{way}weight"] + before + w[f"{way}bias"])
    return h


def lstm(x: Array, w: Any) -> Array:
    """The last hidden state."""
    h, c = np.zeros((2, len(x), 3))
    for t in range(x.shape[1]):
        i, forget, g, o = np.split(x[:, t] @ w["weight"] + h @ w["recurrent_weight"] + w["bias"], 4, 1)
        c = sigmoid(forget) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru(x: Array, w: Any) -> Array:
    """The last hidden state."""
    h = np.zeros((len(x), 3))
    for t in range(x.shape[1]):
        r, z, n = np.split(x[:, t] @ w["weight"] + w["bias"], 3, 1)
        of_r, of_z, of_n = np.split(h @ w["recurrent_weight"], 3, 1)
        z = sigmoid(z + of_z)
        h = z * h + (1 - z) * np.tanh(n + sigmoid(r + of_r) * (of_n + w["recurrent_bias"]))
    return h


RECURRENT, NORMALIZATION = "tests/parity/test_recurrent.py", "tests/parity/test_normalization.py"
RANDOM = "PyTorch draws other random numbers, and outside of training there is nothing to compare"

LAYER_CASES: dict[str, LayerCase] = {
    "dense": LayerCase(lambda: L.Dense(3), (ROW,), lambda x, w: x @ w["weight"] + w["bias"],
                       lambda x, w: f().linear(x, w["weight"].T, w["bias"])),
    "dense with activation": LayerCase(
        lambda: L.Dense(3, "tanh", use_bias=False), (STEPS,), lambda x, w: np.tanh(x @ w["weight"]),
        lambda x, w: f().linear(x, w["weight"].T).tanh()),
    "conv 2d": LayerCase(lambda: L.Conv2D(5, (3, 2), (2, 1), ((1, 0), (0, 2))), (IMAGE,), conv2d,
                         lambda x, w: f().conv2d(f().pad(x, (0, 2, 1, 0)), w["weight"], w["bias"], (2, 1))),
    "conv 1d": LayerCase(lambda: L.Conv1D(5, 3, padding="causal"), (LINE,), conv1d,
                         lambda x, w: f().conv1d(f().pad(x, (2, 0)), w["weight"], w["bias"])),
    "depthwise": LayerCase(lambda: L.DepthwiseConv2D((2, 3), depth_multiplier=2), (IMAGE,), depthwise,
                           lambda x, w: f().conv2d(x, w["weight"], w["bias"], groups=4)),
    "transposed": LayerCase(lambda: L.ConvTranspose2D(2, 3, 2), (IMAGE,), transposed,
                            lambda x, w: f().conv_transpose2d(x, w["weight"], w["bias"], 2)),
    "embedding": LayerCase(lambda: L.Embedding(6, 3), ((5,),), lambda x, w: w["weight"][x],
                           "tests/parity/test_embedding.py", words=6),
    "prelu": LayerCase(L.PReLU, (IMAGE,), lambda x, w: np.where(x > 0, x, x * w["slope"][:, None, None]),
                       lambda x, w: f().prelu(x, w["slope"])),
    "max pool 2d": LayerCase(lambda: L.MaxPool2D(3, 2, 1), (IMAGE,), lambda x, _: max_pool2d(x),
                             lambda x, _: f().max_pool2d(x, 3, 2, 1)),
    "max pool 1d": LayerCase(lambda: L.MaxPool1D(3, 2), (LINE,), lambda x, _: windows(x, 3)[:, :, ::2].max(3),
                             lambda x, _: f().max_pool1d(x, 3, 2)),
    "mean pool 2d": LayerCase(lambda: L.AvgPool2D((2, 3), (2, 1)), (IMAGE,),
                              lambda x, _: windows(x, 2, 3)[:, :, ::2].mean((4, 5)),
                              lambda x, _: f().avg_pool2d(x, (2, 3), (2, 1))),
    "mean pool 1d": LayerCase(lambda: L.AvgPool1D(3, 2, 1), (LINE,),
                              lambda x, _: windows(pad(x, (1, 1)), 3)[:, :, ::2].mean(3),
                              lambda x, _: f().avg_pool1d(x, 3, 2, 1)),
    "global mean": LayerCase(L.GlobalAveragePool, (IMAGE,), lambda x, _: x.mean((2, 3)),
                             lambda x, _: f().adaptive_avg_pool2d(x, 1).flatten(1)),
    "global max": LayerCase(L.GlobalMaxPool, (IMAGE,), lambda x, _: x.max((2, 3)),
                            lambda x, _: f().adaptive_max_pool2d(x, 1).flatten(1)),
    "batch norm": LayerCase(
        lambda: L.BatchNorm(epsilon=0.1), (IMAGE,),
        lambda x, w: x / np.sqrt(1.1) * w["gamma"][:, None, None] + w["beta"][:, None, None], NORMALIZATION,
        steady=False),
    "layer norm": LayerCase(L.LayerNorm, (STEPS,), lambda x, w: standard(x, 2) * w["gamma"] + w["beta"],
                            lambda x, w: f().layer_norm(x, (3,), w["gamma"], w["beta"])),
    "group norm": LayerCase(
        lambda: L.GroupNorm(2), (IMAGE,),
        lambda x, w: (standard(x.reshape(-1, 2, 2, 6, 7), 2, 3, 4).reshape(x.shape) * w["gamma"][:, None, None]
                      + w["beta"][:, None, None]),
        lambda x, w: f().group_norm(x, 2, w["gamma"], w["beta"])),
    "dropout": LayerCase(lambda: L.Dropout(0.5), (IMAGE,), lambda x, _: x, RANDOM, steady=False),
    "spatial dropout": LayerCase(lambda: L.SpatialDropout(0.5), (IMAGE,), lambda x, _: x, RANDOM, steady=False),
    "noise": LayerCase(lambda: L.GaussianNoise(0.5), (IMAGE,), lambda x, _: x, RANDOM, steady=False),
    "add": LayerCase(L.Add, (STEPS,) * 3, lambda a, b, c, _: a + b + c, lambda a, b, c, _: torch().add(a, b).add(c)),
    "subtract": LayerCase(L.Subtract, (STEPS,) * 2, lambda a, b, _: a - b, lambda a, b, _: torch().sub(a, b)),
    "multiply": LayerCase(lambda: L.Multiply(broadcast=True), (IMAGE, (4, 1, 1)), lambda a, b, _: a * b,
                          lambda a, b, _: torch().mul(a, b)),
    "maximum": LayerCase(L.Maximum, (STEPS,) * 2, lambda a, b, _: np.where(a > b, a, b),
                         lambda a, b, _: torch().maximum(a, b)),
    "minimum": LayerCase(L.Minimum, (STEPS,) * 2, lambda a, b, _: np.where(a < b, a, b),
                         lambda a, b, _: torch().minimum(a, b)),
    "average": LayerCase(L.Average, (STEPS,) * 3, lambda a, b, c, _: (a + b + c) / 3,
                         lambda a, b, c, _: torch().stack([a, b, c]).mean(0)),
    "concatenate": LayerCase(L.Concatenate, ((2, 6, 7), IMAGE), lambda a, b, _: np.concatenate([a, b], 1),
                             lambda a, b, _: torch().cat([a, b], 1)),
    "dot": LayerCase(L.Dot, (STEPS, (2, 3)), lambda a, b, _: np.einsum("nik,njk->nij", a, b),
                     lambda a, b, _: a @ b.transpose(1, 2)),
    "flatten": LayerCase(L.Flatten, (IMAGE,), lambda x, _: x.reshape(len(x), -1), lambda x, _: torch().flatten(x, 1)),
    "reshape": LayerCase(lambda: L.Reshape((-1, 7)), (IMAGE,), lambda x, _: x.reshape(-1, 24, 7),
                         lambda x, _: torch().reshape(x, (-1, 24, 7))),
    "permute": LayerCase(lambda: L.Permute((3, 1, 2)), (IMAGE,), lambda x, _: x.transpose(0, 3, 1, 2),
                         lambda x, _: torch().permute(x, (0, 3, 1, 2))),
    "slice": LayerCase(lambda: L.Slice(1, -1, 2), (IMAGE,), lambda x, _: x[:, :, 1:-1],
                       lambda x, _: torch().narrow(x, 2, 1, 4)),
    "upsample 1d": LayerCase(lambda: L.UpSample1D(3), (LINE,), lambda x, _: x.repeat(3, 2),
                             lambda x, _: f().interpolate(x, scale_factor=3)),
    "upsample 2d": LayerCase(lambda: L.UpSample2D((2, 3)), (IMAGE,), lambda x, _: x.repeat(2, 2).repeat(3, 3),
                             lambda x, _: f().interpolate(x, scale_factor=(2, 3))),
    "zero pad 1d": LayerCase(lambda: L.ZeroPad1D((1, 3)), (LINE,), lambda x, _: pad(x, (1, 3)),
                             lambda x, _: f().pad(x, (1, 3))),
    "zero pad 2d": LayerCase(lambda: L.ZeroPad2D(((1, 2), (0, 3))), (IMAGE,), lambda x, _: pad(x, (1, 2), (0, 3)),
                             lambda x, _: f().pad(x, (0, 3, 1, 2))),
    "crop 1d": LayerCase(lambda: L.Crop1D((2, 1)), (LINE,), lambda x, _: x[:, :, 2:-1],
                         lambda x, _: f().pad(x, (-2, -1))),
    "crop 2d": LayerCase(lambda: L.Crop2D(((1, 0), (2, 1))), (IMAGE,), lambda x, _: x[:, :, 1:, 2:-1],
                         lambda x, _: f().pad(x, (-2, -1, -1, 0))),
    "rnn": LayerCase(lambda: L.SimpleRNN(3), (STEPS,), rnn, RECURRENT),
    "lstm": LayerCase(lambda: L.LSTM(3), (STEPS,), lstm, RECURRENT),
    "gru": LayerCase(lambda: L.GRU(3), (STEPS,), gru, RECURRENT),
    "both ways": LayerCase(lambda: L.Bidirectional(L.SimpleRNN(3), "ave"), (STEPS,),
                           lambda x, w: (rnn(x, w, "forward_") + rnn(x[:, ::-1], w, "backward_")) / 2, RECURRENT),
    "apply": LayerCase(lambda: L.Apply(ops.Tanh()), (ROW,), lambda x, _: np.tanh(x), lambda x, _: torch().tanh(x)),
}
