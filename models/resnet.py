"""A small residual network for handwritten digits (He, Zhang, Ren and Sun 2016).

Each block adds what it was fed to what its two convolutions made of it; where it halves the image and doubles the
channels, a 1 x 1 convolution fits the shortcut to that (the paper's option B). Run it with `graphnet train resnet`, or
this file with the same options. On the digits in the package it reaches 98.7 to 99.0 % (seeds 0 to 2).
"""

from __future__ import annotations

import sys

import graphnet as gn
from graphnet.data import load_mnist
from graphnet.runs import Recipe

STAGES = ((16, 1), (32, 2))
"""Channels and stride of each stage of two blocks; the stride is that of its first block."""


def model() -> gn.Model:
    """The model: images (1, 28, 28) with values in [0, 1] to the logits of ten classes."""
    image = gn.Input((1, 28, 28), name="image")
    h = gn.layers.ReLU(name="stem_relu")(convolve(image, 16, 3, 1, "stem"))
    h = gn.layers.MaxPool2D(2, name="stem_pool")(h)
    for number, (channels, stride) in enumerate(STAGES, 1):
        h = residual_block(h, channels, stride, f"stage{number}a")
        h = residual_block(h, channels, 1, f"stage{number}b")
    h = gn.layers.GlobalAveragePool(name="pool")(h)
    logits = gn.layers.Dense(10, name="logits")(h)
    return gn.Model(image, logits, name="resnet")


def residual_block(x: gn.SymbolicTensor, channels: int, stride: int, name: str) -> gn.SymbolicTensor:
    """relu(f(x) + shortcut(x)), f two convolutions; the shortcut is x itself wherever that has the shape of f(x)."""
    h = gn.layers.ReLU(name=f"{name}_relu1")(convolve(x, channels, 3, stride, f"{name}_1"))
    h = convolve(h, channels, 3, 1, f"{name}_2")
    shortcut = x if x.shape == h.shape else convolve(x, channels, 1, stride, f"{name}_shortcut")
    return gn.layers.ReLU(name=f"{name}_relu2")(gn.layers.Add(name=f"{name}_add")([h, shortcut]))


def convolve(x: gn.SymbolicTensor, channels: int, size: int, stride: int, name: str) -> gn.SymbolicTensor:
    """Convolution and batch normalisation, whose shift makes a bias needless."""
    h = gn.layers.Conv2D(channels, kernel_size=size, strides=stride, padding="same", use_bias=False,
                         kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return gn.layers.BatchNorm(name=f"{name}_norm")(h)


RECIPE = Recipe(model, load_mnist, loss="softmax_cross_entropy", metrics=("accuracy",), optimizer="adam",
                learning_rate=1e-2, schedule="one_cycle", epochs=5, batch_size=64)

if __name__ == "__main__":
    from graphnet.cli import main

    sys.exit(main(["train", "resnet", *sys.argv[1:]]))
