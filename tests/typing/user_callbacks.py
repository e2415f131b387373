"""Callbacks as users write them: the type checker must take each of these. `.ci/run` checks this file strictly."""

from __future__ import annotations

from typing import Any

import graphnet as gn
from graphnet.training.callback import Trained


class AsksForANetwork(gn.Callback):
    """Annotated with what `gn.compile` returns."""

    def on_train_begin(self, network: gn.Network) -> None:
        network.save("begun.gnet")

    def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> bool:
        network.rate_factor *= 0.5
        return float(logs["loss"]) < 0.1


class AsksForAnEngine(gn.Callback):
    """Annotated with the engine below."""

    def on_step_end(self, network: gn.Engine, step: int, logs: dict[str, float]) -> None:
        network.evaluate([[0.0]], [0])


class AsksForLittle(gn.Callback):
    """Annotated with no more than callbacks may use."""

    def on_epoch_begin(self, network: Trained, epoch: int) -> None:
        network.reset_states()
        network.set_weights(network.weights)


def trained(network: gn.Network) -> Trained:
    """A network has all that callbacks may use."""
    return network


def use(network: gn.Network) -> gn.History:
    """`fit` takes them."""
    return network.fit([[0.0]], [0], callbacks=[AsksForANetwork(), AsksForAnEngine(), AsksForLittle()])
