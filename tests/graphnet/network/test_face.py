"""A network offers what its users want; what the engine needs lies below, on its runner."""

from __future__ import annotations

import pytest

import graphnet as gn
from graphnet.engine.engine import Engine

FOR_USERS = {
    "allow_nonfinite", "backend", "blas_threads", "epoch", "evaluate", "explain", "fit", "gradcheck", "graph",
    "loss_and_gradients", "machine_code", "memory", "objective", "optimize", "optimizer", "optimizer_state", "plot",
    "predict", "profile", "program", "rate_factor", "reset_states", "samples", "save", "seed",
    "set_optimizer_state", "set_states", "set_weights", "stages", "stateful", "states", "step", "summary", "threads",
    "train_on_batch", "weights"}
OF_NETWORKS = {"fit", "save", "profile", "gradcheck", "plot"}


@pytest.fixture
def net() -> gn.Network:
    x = gn.Input((3,))
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(x)))


def shown(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("_")}


def test_a_network_shows_what_users_want_and_nothing_else(net: gn.Network) -> None:
    assert shown(net) == FOR_USERS


def test_a_network_is_an_engine_that_can_be_fitted_saved_checked_and_drawn(net: gn.Network) -> None:
    assert isinstance(net, gn.Engine)
    assert gn.Engine is Engine
    assert shown(gn.Network) - shown(gn.Engine) == OF_NETWORKS
