"""The benchmark workloads, each declared for graphnet and for the peers: float32, softmax cross-entropy, Adam 1e-3.

lenet  1×28×28: conv 6@5×5 same, relu, pool 2, conv 16@5×5, relu, pool 2, dense 120 relu, 84 relu, 10
mlp    784: dense 512 relu, 256 relu, 10
vgg    3×32×32: (conv 32@3×3 same, relu) twice, pool 2, (conv 64@3×3 same, relu) twice, pool 2, dense 128 relu, 10
vggbn  vgg with batch normalisation before each relu of a convolution
rnn    28 steps of 28: tanh Elman 128, last state, dense 10
lstm   28 steps of 28: LSTM 128, last state, dense 10
tiny   4: dense 32 tanh, 16 tanh, 4; trained in `fit`, many steps a call
"""

from __future__ import annotations

from typing import Any

import graphnet as gn

INPUTS = {"lenet": (1, 28, 28), "mlp": (784,), "vgg": (3, 32, 32), "vggbn": (3, 32, 32), "rnn": (28, 28),
          "lstm": (28, 28), "tiny": (4,)}
CLASSES = {"tiny": 4}
TRAIN = (("lenet", 64), ("lenet", 256), ("mlp", 128), ("vgg", 64), ("vggbn", 64), ("rnn", 64), ("lstm", 64))
FIT = (("tiny", 16), ("tiny", 10_000))
PREDICT = (("lenet", 1), ("lenet", 64), ("lenet", 1024), ("mlp", 1), ("mlp", 128), ("vgg", 1), ("vgg", 64),
           ("lstm", 64))


def graphnet_model(name: str) -> gn.Model:
    """The workload as a graphnet model."""
    layers = gn.layers
    x = h = gn.Input(INPUTS[name])
    if name == "lenet":
        h = layers.MaxPool2D(2)(layers.Conv2D(6, 5, padding="same", activation="relu")(h))
        h = layers.MaxPool2D(2)(layers.Conv2D(16, 5, activation="relu")(h))
        h = layers.Dense(120, activation="relu")(layers.Flatten()(h))
        h = layers.Dense(84, activation="relu")(h)
    elif name == "mlp":
        h = layers.Dense(256, activation="relu")(layers.Dense(512, activation="relu")(h))
    elif name in ("vgg", "vggbn"):
        for filters in (32, 64):
            for _ in range(2):
                h = layers.Conv2D(filters, 3, padding="same")(h)
                h = layers.ReLU()(layers.BatchNorm()(h) if name == "vggbn" else h)
            h = layers.MaxPool2D(2)(h)
        h = layers.Dense(128, activation="relu")(layers.Flatten()(h))
    elif name == "tiny":
        h = layers.Dense(16, activation="tanh")(layers.Dense(32, activation="tanh")(h))
    else:
        h = (layers.SimpleRNN if name == "rnn" else layers.LSTM)(128)(h)
    return gn.Model(x, layers.Dense(CLASSES.get(name, 10))(h), name=name)


def torch_model(name: str) -> Any:
    """The workload as a PyTorch module."""
    from torch import nn

    class LastState(nn.Module):
        def __init__(self, cell: Any) -> None:
            super().__init__()
            self.cell, self.head = cell, nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.cell(x)[0][:, -1])

    if name in ("rnn", "lstm"):
        return LastState((nn.RNN if name == "rnn" else nn.LSTM)(28, 128, batch_first=True))
    if name == "tiny":
        return nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 4))
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    if name == "lenet":
        return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
                             nn.ReLU(), nn.Linear(84, 10))
    parts: list[Any] = []
    channels = 3
    for filters in (32, 64):
        for _ in range(2):
            parts += [nn.Conv2d(channels, filters, 3, padding=1)]
            parts += [nn.BatchNorm2d(filters)] if name == "vggbn" else []
            parts += [nn.ReLU()]
            channels = filters
        parts += [nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(4096, 128), nn.ReLU(), nn.Linear(128, 10))
