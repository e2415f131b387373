"""Profiles a network on one batch, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graphnet.compiler.planning.program import ARENA
from graphnet.compiler.types import BATCH
from graphnet.engine.feeding import Feeder, check_lengths
from graphnet.inspect.inspection import PREDICT, TRAIN
from graphnet.network.network import Network
from graphnet.runtime.profiling import Profile, profile_executable
from graphnet.runtime.session import Buffers, Executable


def profile_network(network: Network, x: object, y: object, steps: int) -> Profile:
    """Times training steps on a batch, or predictions if `y` is None."""
    with network.states_set_aside():
        return _profile(network, x, y, steps)


def _profile(network: Network, x: object, y: object, steps: int) -> Profile:
    if y is None:
        arrays, dims = network.check_inputs(x)
        run = network.executable(PREDICT, {}, dims | {BATCH: check_lengths(arrays)})
    else:
        arrays, labels, dims = network.check_samples(x, y)
        run = network.prepare_step(labels, dims | {BATCH: check_lengths(arrays)})
    count, feeder = check_lengths(arrays), Feeder(arrays)

    def feed() -> None:
        feeder.feed_range(run.inputs, 0, count)
        if y is not None:
            network.feed_step(run, network.step + 1)

    with kept(run):
        return profile_executable(run, PREDICT if y is None else TRAIN, feed, steps)


@contextmanager
def kept(run: Executable) -> Iterator[None]:
    """Within the block a Program may run; afterwards all that outlives a run is what it was."""
    buffers: Buffers = run.buffers
    copies = {name: buffers[name].copy() for name in run.program.buffers if name != ARENA}
    try:
        yield
    finally:
        for name, copy in copies.items():
            buffers[name][:] = copy
