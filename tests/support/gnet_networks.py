"""Small networks in every state that a file can hold one in; the golden files of networks were made of them once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import graphnet as gn
from graphnet.callbacks import EarlyStopping
from graphnet.optimizers import Adam, Momentum
from graphnet.schedules import OneCycle

L = gn.layers
RNG = np.random.default_rng(3)
IMAGES, CLASSES = RNG.standard_normal((10, 1, 6, 6)).astype(np.float32), np.arange(10) % 3
WORDS = RNG.integers(0, 7, (12, 4))


def trained() -> gn.Network:
    """Convolution, batch norm, dropout and constraints, after some steps, with samples."""
    x = gn.Input((1, 6, 6), name="image")
    h = L.BatchNorm(name="bn")(L.Conv2D(2, 3, padding="same", use_bias=False, name="conv")(x))
    h = L.Dropout(0.25, name="dropout")(L.MaxPool2D(2, name="pool")(L.ReLU(name="relu")(h)))
    h = L.Dense(3, kernel_regularizer="l2", kernel_constraint="max_norm", name="logits")(L.Flatten(name="flatten")(h))
    net = gn.compile(gn.Model(x, h, name="trained"), "softmax_cross_entropy", Adam(OneCycle(0.01, steps=20)),
                     ["accuracy"], seed=4)
    net.fit(IMAGES, CLASSES, batch_size=4, epochs=2, verbose=False)
    net.samples = {"image": IMAGES[:2]}
    return net


def stateful() -> gn.Network:
    """Words through a stateful recurrent layer in float64, in the middle of a sequence, two outputs."""
    words = gn.Input((None,), dtype="int64", name="words")
    h = L.GRU(3, stateful=True, return_sequences=True, name="gru")(L.Embedding(7, 2, name="embedding")(words))
    following = L.Dense(7, name="following")(h)
    mood = L.Dense(1, activation="sigmoid", name="mood")(L.LayerNorm(name="norm")(h))
    model = gn.Model(words, {"following": following, "mood": mood}, name="stateful")
    net = gn.compile(model, {"following": "softmax_cross_entropy", "mood": "binary_cross_entropy"},
                     Momentum(0.1, clip_norm=1.0), loss_weights={"mood": 0.5}, seed=2**64 - 1, dtype="float64")
    for start in (0, 4):
        net.train_on_batch(WORDS[start:start + 4], {"following": WORDS[start + 4:start + 8],
                                                    "mood": np.ones((4, 4, 1))})
    return net


def checkpoint(folder: Path) -> Path:
    """A checkpoint in the middle of an epoch, with a callback that remembers something."""
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, L.Dense(2, name="logits")(x), name="checkpoint"), "softmax_cross_entropy", "adam",
                     ["accuracy"], seed=1)
    features = RNG.standard_normal((10, 3)).astype(np.float32)
    path, kept = folder / "cut.gnet", folder / "checkpoint.gnet"

    class Keep(gn.Callback):
        """Copies the checkpoint of step 5, the third of five in the second epoch."""

        def on_step_end(self, network: gn.Network, step: int, logs: object) -> None:
            if step == 8:
                kept.write_bytes(path.read_bytes())

    net.fit(features, np.arange(10) % 2, batch_size=2, epochs=2, verbose=False,
            validation_data=(features[:4], np.arange(4) % 2), callbacks=[EarlyStopping(patience=3), Keep()],
            checkpoint=gn.Checkpoint(path, every=7, notes={"note": "naïve"}))
    return kept


NETWORKS: dict[str, Callable[[], gn.Network]] = {"trained": trained, "stateful": stateful}
