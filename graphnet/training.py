"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphnet.checks import check_whole
from graphnet.compiler.types import BATCH, TensorType
from graphnet.feeding import Feeder, check_lengths
from graphnet.scores import Scores

if TYPE_CHECKING:
    from graphnet.network import Network


@dataclass
class History:
    """Loss and metrics by epoch.

    Attributes:
        history: a list for each of `loss`, the metrics, and with validation data the same with `val_` before it; also
            `seconds`, the time that each epoch took.
        epochs: the number of each epoch, counted from 1 over the life of the network.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """Adds an epoch."""
        self.epochs.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class Callback:
    """What `fit` calls. Override what you need."""

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, float]) -> bool | None:
        """After an epoch (and its validation). Returning True stops the training."""


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The order of samples in an epoch: counter-based, so it depends on nothing but these numbers."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def fit(network: Network, x: object, y: object, batch_size: int, epochs: int, shuffle: bool,
        validation_data: tuple[object, object] | None, callbacks: Sequence[Callback],
        verbose: bool | None) -> History:
    """See `Network.fit`."""
    check_whole("fit", "batch_size", batch_size)
    check_whole("fit", "epochs", epochs)
    arrays, labels, dims = network.check_samples(x, y)
    if validation_data is not None:
        network.check_samples(*validation_data)  # refuse it now, not after an epoch
    loop = _Loop(network, Feeder(arrays), labels, dims, check_lengths(arrays), batch_size)
    history = History()
    for number in range(1, epochs + 1):
        start = time.perf_counter()
        network.epoch += 1
        order = shuffled(loop.count, network.seed, network.epoch) if shuffle else np.arange(loop.count)
        with _progress(f"epoch {number}/{epochs}", -(-loop.count // batch_size), verbose) as bar:
            logs = loop.epoch(order, bar)
        if validation_data is not None:
            logs |= {f"val_{name}": value for name, value in network.evaluate(*validation_data).items()}
        logs["seconds"] = time.perf_counter() - start
        history.add(network.epoch, logs)
        stops = [callback.on_epoch_end(network, network.epoch, dict(logs)) for callback in callbacks]
        if any(stops):  # every callback was called, whatever the others said
            break
    return history


@dataclass
class _Loop:
    """What stays the same from epoch to epoch."""

    network: Network
    feeder: Feeder
    labels: dict[str, TensorType]
    dims: dict[str, int]
    count: int
    batch_size: int

    def epoch(self, order: NDArray[np.intp], bar: Any) -> dict[str, float]:
        """Trains on all samples in this order; returns loss and metrics as they were along the way."""
        objective = self.network.objective
        if objective is None:
            raise ValueError("a network without an objective cannot be trained")
        scores = Scores(objective)
        for chosen in self._batches(order):
            run = self.network.prepare_step(self.labels, self.dims | {BATCH: len(chosen)})
            self.feeder.feed(run.inputs, chosen)
            self.network.run_step(run)
            scores.add(run.outputs, len(chosen))
            if bar is not None:
                bar.update()
        return scores.result()

    def _batches(self, order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        for start in range(0, self.count, self.batch_size):
            yield order[start:start + self.batch_size]


def _progress(title: str, steps: int, verbose: bool | None) -> AbstractContextManager[Any]:
    """A progress bar on a terminal (or if asked for)."""
    import sys

    if verbose is False or (verbose is None and not sys.stderr.isatty()):
        return nullcontext()
    from tqdm import tqdm

    bar: AbstractContextManager[Any] = tqdm(total=steps, desc=title, unit="step", leave=False)
    return bar
