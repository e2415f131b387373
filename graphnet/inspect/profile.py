"""Profiles a network on one batch, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graphnet.compiler.planning.program import ARENA
from graphnet.compiler.types import BATCH
from graphnet.engine.engine import Engine
from graphnet.engine.feeding import check_lengths
from graphnet.engine.interrupts import whole
from graphnet.engine.runner import PREDICT, TRAIN
from graphnet.runtime.profile_report import Profile
from graphnet.runtime.profiling import profile_executable
from graphnet.runtime.session import Buffers, Executable


def profile_network(network: Engine, x: object, y: object, steps: int = 20) -> Profile:
    """Times training steps on a batch, or predictions if `y` is None."""
    with network._runner.states_set_aside():
        return _profile(network, x, y, steps)


def _profile(network: Engine, x: object, y: object, steps: int) -> Profile:
    runner = network._runner
    if y is None:
        arrays, dims = runner.check_inputs(x)
        purpose = runner.purpose(PREDICT)
    else:
        arrays, labels, dims = runner.check_samples(x, y)
        purpose = runner.purpose(TRAIN, labels)
    count = check_lengths(arrays)
    run = runner.executable(purpose, dims | {BATCH: count})

    def feed() -> None:
        run.take(arrays, slice(0, count))
        if y is not None:
            runner.feed_step(run, runner.step + 1)
            run.buffers.version += 1  # each step changes the weights

    with runner.step_lock, runner.programs.blas_threads, kept(run):
        return profile_executable(run, purpose.name, feed, steps, runner.programs.blas_threads.threads)


@contextmanager
def kept(run: Executable) -> Iterator[None]:
    """Within the block a Program may run; afterwards all that outlives a run is what it was."""
    buffers: Buffers = run.buffers
    copies = {name: buffers[name].copy() for name in run.program.buffers if name != ARENA and name in buffers}
    try:
        yield
    finally:
        with whole:
            for name, copy in copies.items():
                buffers[name][:] = copy
            buffers.version += 1
