"""Tells whether a network is still as it was."""

from __future__ import annotations

import zlib

import numpy as np

from graphnet.engine.checkpoints import Mark
from graphnet.engine.engine import Engine


def mark_of(network: Engine) -> Mark:
    """Checksums of all that decides how a training goes on, so that it can be told whether a network is as it was."""
    kept = [network.weights, network.states, *network.optimizer_state.values()]
    arrays = (np.ascontiguousarray(array) for part in kept for array in part.values())
    optimizer = "" if network.optimizer is None else repr(network.optimizer.config())
    return (network.seed, network.epoch, network.rate_factor, zlib.crc32(optimizer.encode()),
            *(zlib.crc32(array.data) for array in arrays))
