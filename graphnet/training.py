"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphnet.assembly import LOSS
from graphnet.checks import check_flag, check_whole
from graphnet.compiler.errors import ArgumentError
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
            `seconds`, the time that each epoch took. Figures are floats, but arrays for a confusion matrix.
        epochs: the number of each epoch, counted from 1 over the life of the network.
    """

    history: dict[str, list[Any]] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)

    def add(self, epoch: int, logs: dict[str, Any]) -> None:
        """Adds an epoch."""
        self.epochs.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class Callback:
    """What `fit` calls along the way. Override what you need; epochs and steps count over the life of the network."""

    def on_train_begin(self, network: Network) -> None:
        """Before the first epoch of a call of `fit`."""

    def on_epoch_begin(self, network: Network, epoch: int) -> None:
        """Before an epoch."""

    def on_step_end(self, network: Network, step: int, logs: dict[str, float]) -> None:
        """After a step; `logs` has the `loss` of its batch, from before the step."""

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, Any]) -> bool | None:
        """After an epoch (and its validation). Returning True stops the training."""

    def on_train_end(self, network: Network) -> None:
        """After the last epoch, also if a callback stopped the training; not if an error did."""


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The order of samples in an epoch: counter-based, so it depends on nothing but these numbers."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def fit(network: Network, x: object, y: object, batch_size: int, epochs: int, shuffle: bool | None,
        sample_weight: object, validation_data: tuple[object, ...] | None, callbacks: Sequence[Callback],
        verbose: bool | None) -> History:
    """See `Network.fit`."""
    check_whole("fit", "batch_size", batch_size)
    check_whole("fit", "epochs", epochs)
    check_callbacks(callbacks)
    arrays, labels, dims = network.check_samples(x, y, sample_weight)
    shuffle = _check_order(network, shuffle)
    loop = _Loop(network, Feeder(arrays), labels, dims, check_lengths(arrays), batch_size)
    network.check_batches("fit", loop.count, batch_size)
    if validation_data is not None:  # refuse it now, not after an epoch
        validated = check_lengths(network.check_samples(*_check_pair(validation_data))[0])
        with network.states_set_aside():
            network.check_batches("validation_data of fit", validated, batch_size)
    history = History()
    for callback in callbacks:
        callback.on_train_begin(network)
    for number in range(1, epochs + 1):
        start = time.perf_counter()
        network.epoch += 1
        for callback in callbacks:
            callback.on_epoch_begin(network, network.epoch)
        order = shuffled(loop.count, network.seed, network.epoch) if shuffle else np.arange(loop.count)
        with _progress(f"epoch {number}/{epochs}", -(-loop.count // batch_size), verbose) as bar:
            logs = loop.epoch(order, bar, callbacks)
        if validation_data is not None:
            logs |= {f"val_{name}": value for name, value in _validate(network, validation_data, batch_size).items()}
        logs["seconds"] = time.perf_counter() - start
        history.add(network.epoch, logs)
        stops = [callback.on_epoch_end(network, network.epoch, dict(logs)) for callback in callbacks]
        if any(stops):  # every callback was called, whatever the others said
            break
    for callback in callbacks:
        callback.on_train_end(network)
    return history


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """Refuses what is no list of callbacks.

    Raises:
        ArgumentError: it is none, or holds something else, such as a class instead of an object.
    """
    if not isinstance(callbacks, list | tuple):
        raise ArgumentError("fit", "callbacks", callbacks, "it must be a list of Callback objects")
    for index, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise ArgumentError("fit", f"callbacks[{index}]", callback, "it must be a Callback object")


def _check_pair(data: object) -> tuple[object, ...]:
    if not isinstance(data, list | tuple) or len(data) not in (2, 3):
        raise ArgumentError("fit", "validation_data", type(data).__name__,
                            "it must be a tuple (x, y) or (x, y, sample_weight)")
    return tuple(data)


def _check_order(network: Network, shuffle: bool | None) -> bool:
    if shuffle is None:
        return not network.stateful
    if shuffle and network.stateful:
        raise ArgumentError("fit", "shuffle", shuffle, "stateful layers need the samples in order: row i "
                                                       "of a batch goes on where row i of the batch before ended")
    return check_flag("fit", "shuffle", shuffle)


def _validate(network: Network, data: Sequence[object], batch_size: int) -> dict[str, Any]:
    """Scores of the validation data. What stateful layers carry in training is not touched by it."""
    x, y, *weight = data
    sample_weight = weight[0] if weight else None
    if not network.stateful:
        return network.evaluate(x, y, sample_weight=sample_weight)
    with network.states_set_aside():
        return network.evaluate(x, y, batch_size, sample_weight=sample_weight)


@dataclass
class _Loop:
    """What stays the same from epoch to epoch."""

    network: Network
    feeder: Feeder
    labels: dict[str, TensorType]
    dims: dict[str, int]
    count: int
    batch_size: int

    def epoch(self, order: NDArray[np.intp], bar: Any, callbacks: Sequence[Callback]) -> dict[str, Any]:
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
            for callback in callbacks:
                callback.on_step_end(self.network, self.network.step, {LOSS: float(run.outputs[LOSS])})
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
