"""A multilayer perceptron for handwritten digits, with dropout (Srivastava et al. 2014).

Run it with `graphnet train mlp`, or this file with the same options. On the digits in the package it reaches 96.8 to
97.1 % (seeds 0 to 2).
"""

from __future__ import annotations

import sys

import graphnet as gn
from graphnet.data import load_mnist
from graphnet.runs import Recipe


def model() -> gn.Model:
    """The model: images (1, 28, 28) with values in [0, 1] to the logits of ten classes."""
    image = gn.Input((1, 28, 28), name="image")
    h = gn.layers.Flatten(name="flatten")(image)
    h = gn.layers.Dense(256, activation="relu", name="dense1")(h)
    h = gn.layers.Dropout(0.3, name="drop1")(h)
    h = gn.layers.Dense(128, activation="relu", name="dense2")(h)
    h = gn.layers.Dropout(0.3, name="drop2")(h)
    logits = gn.layers.Dense(10, name="logits")(h)
    return gn.Model(image, logits, name="mlp")


RECIPE = Recipe(model, load_mnist, loss="softmax_cross_entropy", metrics=("accuracy",), optimizer="adam",
                learning_rate=3e-3, schedule="one_cycle", epochs=20, batch_size=64)

if __name__ == "__main__":
    from graphnet.cli import main

    sys.exit(main(["train", "mlp", *sys.argv[1:]]))
