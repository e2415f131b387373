"""Every layer with every option: what calls it, and the shape of a sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activation_cases import ACTIVATION_CASES

import graphnet as gn

L = gn.layers
ROW, STEPS, LINE, IMAGE = (4,), (5, 4), (4, 9), (4, 6, 7)
Declare = Callable[[gn.SymbolicTensor], gn.SymbolicTensor]
CELLS = (L.SimpleRNN, L.LSTM, L.GRU)
PLAIN = tuple({type(case.make()): None for case in ACTIVATION_CASES.values()})
MERGING = (L.Add, L.Subtract, L.Multiply, L.Maximum, L.Minimum, L.Average)

SINGLE: dict[str, tuple[Declare, tuple[int, ...]]] = {
    "elu": (lambda x: L.ELU(0.3)(x), IMAGE), "gelu": (lambda x: L.GELU(True)(x), IMAGE),
    "hard sigmoid": (lambda x: L.HardSigmoid(0.2)(x), IMAGE), "leaky": (lambda x: L.LeakyReLU(2.0)(x), IMAGE),
    "softmax": (lambda x: L.Softmax(1)(x), IMAGE), "log softmax": (lambda x: L.LogSoftmax(-2)(x), IMAGE),
    "prelu": (lambda x: L.PReLU()(x), IMAGE), "prelu shared": (lambda x: L.PReLU(True)(x), IMAGE),
    "prelu axis": (lambda x: L.PReLU(axis=-1, slope_initializer="ones")(x), STEPS),
    "batch norm": (lambda x: L.BatchNorm()(x), IMAGE), "batch norm steps": (lambda x: L.BatchNorm(-1)(x), STEPS),
    "batch norm rows": (lambda x: L.BatchNorm(None, 0, 0.1, False, False, False)(x), ROW),
    "batch norm axis": (lambda x: L.BatchNorm(axis=3)(x), IMAGE),
    "batch norm frozen": (lambda x: L.BatchNorm(trainable=False)(x), IMAGE),
    "layer norm": (lambda x: L.LayerNorm()(x), IMAGE), "layer norm rows": (lambda x: L.LayerNorm(scale=False)(x), ROW),
    "layer norm all": (lambda x: L.LayerNorm((1, 2, 3), 0.1, center=False)(x), IMAGE),
    "group norm": (lambda x: L.GroupNorm(2)(x), IMAGE),
    "group norm rows": (lambda x: L.GroupNorm(1, 0.1, False)(x), ROW),
    "dense": (lambda x: L.Dense(3, "relu")(x), ROW),
    "dense steps": (lambda x: L.Dense(3, L.GELU(True), use_bias=False)(x), STEPS),
    "conv1d": (lambda x: L.Conv1D(4, 3, 2, "same", 1, 1, "relu")(x), LINE),
    "conv1d causal": (lambda x: L.Conv1D(6, 2, 1, "causal", 3, 2, use_bias=False)(x), LINE),
    "conv1d pair": (lambda x: L.Conv1D(2, 3, padding=(0, 3))(x), LINE),
    "conv2d": (lambda x: L.Conv2D(4, (3, 2), (2, 1), "same", (1, 2), 2, "tanh")(x), IMAGE),
    "conv2d pairs": (lambda x: L.Conv2D(3, 3, 2, ((1, 2), (0, 3)), use_bias=False)(x), IMAGE),
    "depthwise": (lambda x: L.DepthwiseConv2D((2, 3), (1, 2), (1, 0), (2, 1), 3, "elu")(x), IMAGE),
    "transposed": (lambda x: L.ConvTranspose2D(4, 3, 2, "same")(x), IMAGE),
    "transposed pairs": (lambda x: L.ConvTranspose2D(6, (3, 2), (2, 3), ((1, 0), (0, 1)), (1, 2), (1, 2), 2)(x), IMAGE),
    "crop1d": (lambda x: L.Crop1D((1, 2))(x), LINE), "crop2d": (lambda x: L.Crop2D(((1, 0), (2, 1)))(x), IMAGE),
    "pad1d": (lambda x: L.ZeroPad1D((0, 2))(x), LINE), "pad2d": (lambda x: L.ZeroPad2D((1, 2))(x), IMAGE),
    "max pool": (lambda x: L.MaxPool2D(3, 2, "same")(x), IMAGE),
    "max pool ceil": (lambda x: L.MaxPool2D((2, 3), (3, 2), ((1, 0), (2, 1)), True)(x), IMAGE),
    "max pool 1d": (lambda x: L.MaxPool1D(3, 2, 1, True)(x), LINE),
    "mean pool": (lambda x: L.AvgPool2D(3, 2, "same", count_include_pad=False)(x), IMAGE),
    "mean pool ceil": (lambda x: L.AvgPool2D((2, 3), (3, 2), 1, True)(x), IMAGE),
    "mean pool 1d": (lambda x: L.AvgPool1D(3, 2, 1, True, False)(x), LINE),
    "global mean": (lambda x: L.GlobalAveragePool()(x), IMAGE), "global max": (lambda x: L.GlobalMaxPool()(x), LINE),
    "flatten": (lambda x: L.Flatten()(x), IMAGE), "reshape": (lambda x: L.Reshape((-1, 2))(x), IMAGE),
    "permute": (lambda x: L.Permute((3, 1, 2))(x), IMAGE), "slice": (lambda x: L.Slice(-3, -1, 2)(x), IMAGE),
    "up 1d": (lambda x: L.UpSample1D(3)(x), LINE), "up 2d": (lambda x: L.UpSample2D((2, 3))(x), IMAGE),
    "dropout": (lambda x: L.Dropout(0.5)(x), IMAGE), "channels": (lambda x: L.SpatialDropout(0.3, -1)(x), STEPS),
    "noise": (lambda x: L.GaussianNoise(0.3)(x), IMAGE),
    "broadcast": (lambda x: L.Multiply(True)(x, L.Reshape((4, 1, 1))(L.GlobalMaxPool()(x))), IMAGE),
    "shared": (lambda x: L.Add()([*map(L.BatchNorm(), (x, L.Tanh()(x)))]), IMAGE),
    "rnn relu": (lambda x: L.SimpleRNN(3, "relu")(x), STEPS), "cho": (lambda x: L.GRU(3, reset_after=False)(x), STEPS),
    "open gate": (lambda x: L.LSTM(3, unit_forget_bias=False)(x), STEPS),
}


def _join(kind: type[L.Layer], *arguments: Any) -> Declare:
    return lambda x: kind(*arguments)(x, L.Tanh()(x))


def _recurrent(kind: Any, **options: Any) -> Declare:
    return lambda x: kind(3, **options)(x)


def _both_ways(kind: Any, mode: str) -> Declare:
    return lambda x: L.Bidirectional(kind(3, return_sequences=True), mode)(x)


def layer_cases() -> dict[str, tuple[Declare, tuple[int, ...]]]:
    """All of them by a name that says what is special."""
    cases = dict(SINGLE)
    for shape in (ROW, STEPS, IMAGE):
        cases |= {f"{cls.__name__} {shape}": ((lambda x, cls=cls: cls()(x)), shape) for cls in PLAIN}
        cases |= {f"{cls.__name__} {shape}": (_join(cls), shape) for cls in MERGING}
        cases |= {f"Concatenate {shape}": (_join(L.Concatenate, -1), shape), f"Dot {shape}": (_join(L.Dot), shape),
                  f"cosine {shape}": (_join(L.Dot, 1, True), shape)}
    for cell in CELLS:
        for options in ({}, {"return_sequences": True}, {"go_backwards": True, "return_sequences": True},
                        {"truncate": 2}, {"stateful": True, "truncate": 2}, {"use_bias": False}, {"trainable": False}):
            cases[f"{cell.__name__} {options}"] = _recurrent(cell, **options), STEPS
        for mode in ("concat", "sum", "ave", "mul"):
            cases[f"{cell.__name__} both ways, {mode}"] = _both_ways(cell, mode), STEPS
        cases[f"{cell.__name__} both ways, two results"] = (
            lambda x, cell=cell: L.Subtract()(list(L.Bidirectional(cell(3), None)(x)))), STEPS
        cases[f"{cell.__name__} states"] = (
            lambda x, cell=cell: L.Concatenate()(list(cell(3, return_state=True)(x)))), STEPS
        cases[f"{cell.__name__} stacked"] = (
            lambda x, cell=cell: cell(2)(cell(3, return_sequences=True, stateful=True)(x))), STEPS
    return cases
