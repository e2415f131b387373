"""Small networks to look at: each has what one view or check is about, and compiles in milliseconds."""

from __future__ import annotations

from typing import Any

import graphnet as gn

L = gn.layers
TRAINED = {"loss": "softmax_cross_entropy", "optimizer": "adam", "metrics": ["accuracy"]}


def image_model() -> gn.Model:
    """Convolution, pooling, and two dense layers."""
    x = gn.Input((1, 8, 8), name="image")
    h = L.MaxPool2D(2, name="pool")(L.Conv2D(4, 3, padding="same", activation="relu", name="conv")(x))
    h = L.Dense(6, activation="relu", name="hidden")(L.Flatten(name="flatten")(h))
    return gn.Model(x, L.Dense(3, name="logits")(h), name="image")


def residual_model() -> gn.Model:
    """A residual block with batch norm and dropout."""
    x = gn.Input((4, 6, 6), name="image")
    h = L.ReLU(name="relu1")(L.BatchNorm(name="bn1")(L.Conv2D(4, 3, padding="same", name="conv1")(x)))
    h = L.Dropout(0.25, name="dropout")(h)
    h = L.BatchNorm(name="bn2")(L.Conv2D(4, 3, padding="same", name="conv2")(h))
    h = L.Flatten(name="flatten")(L.ReLU(name="relu2")(L.Add(name="add")(h, x)))
    return gn.Model(x, L.Dense(3, name="logits")(h), name="residual")


def sequence_model() -> gn.Model:
    """Word numbers of any length, embedded, through an LSTM."""
    x = gn.Input((None,), dtype="int64", name="words")
    h = L.LSTM(5, name="lstm")(L.Embedding(11, 4, name="embedding")(x))
    return gn.Model(x, L.Dense(3, name="logits")(h), name="sequence")


MODELS = (image_model, residual_model, sequence_model)


def image_network(**options: Any) -> gn.Network:
    """The image model, ready to train."""
    return gn.compile(image_model(), **(TRAINED | options))
