"""LeNet-5 for handwritten digits (LeCun, Bottou, Bengio and Haffner 1998), with ReLU and max pooling as is usual now.

Run it with `graphnet train lenet`, or this file with the same options.
"""

from __future__ import annotations

import sys

import graphnet as gn
from graphnet.data import load_mnist
from graphnet.runs import Recipe


def model() -> gn.Model:
    """The model: images (1, 28, 28) with values in [0, 1] to the logits of ten classes."""
    image = gn.Input((1, 28, 28), name="image")
    h = gn.layers.Conv2D(6, kernel_size=5, padding="same", activation="relu", name="conv1")(image)
    h = gn.layers.MaxPool2D(2, name="pool1")(h)
    h = gn.layers.Conv2D(16, kernel_size=5, activation="relu", name="conv2")(h)
    h = gn.layers.MaxPool2D(2, name="pool2")(h)
    h = gn.layers.Flatten(name="flatten")(h)
    h = gn.layers.Dense(120, activation="relu", name="dense1")(h)
    h = gn.layers.Dense(84, activation="relu", name="dense2")(h)
    logits = gn.layers.Dense(10, name="logits")(h)
    return gn.Model(image, logits, name="lenet")


RECIPE = Recipe(model, load_mnist, loss="softmax_cross_entropy", metrics=("accuracy",), optimizer="adam",
                learning_rate=5e-3, schedule="one_cycle", epochs=10, batch_size=64)

if __name__ == "__main__":
    from graphnet.cli import main

    sys.exit(main(["train", "lenet", *sys.argv[1:]]))
