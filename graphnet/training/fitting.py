"""`Network.fit`: checks what it is given, and starts the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from graphnet.common.checks import check_flag, check_whole
from graphnet.compiler.errors import ArgumentError, DataError, ShapeError
from graphnet.compiler.types import Array
from graphnet.engine.backends import NUMPY
from graphnet.engine.checkpoints import as_checkpoint
from graphnet.engine.engine import Engine
from graphnet.engine.feeding import check_lengths
from graphnet.engine.figures import modes_of_epoch
from graphnet.engine.runner import TRAIN
from graphnet.training.callback import Callback, check_callbacks
from graphnet.training.fingerprints import fingerprint
from graphnet.training.history import History
from graphnet.training.loop import Batches, Loop
from graphnet.training.progress import Progress, Verbose
from graphnet.training.resuming import check_resumable


def fit(network: Engine, x: object, y: object, batch_size: int, epochs: int, shuffle: bool | None,
        sample_weight: object, validation_data: tuple[object, ...] | None, callbacks: Sequence[Callback] | None,
        verbose: Verbose, checkpoint: object, resume: bool, backend_change: bool,
        stop_on_nonfinite: bool) -> History:
    """See `Network.fit`."""
    batch_size = check_whole("fit", "batch_size", batch_size)
    epochs = check_whole("fit", "epochs", epochs)
    check_flag("fit", "resume", resume)
    check_flag("fit", "backend_change", backend_change)
    check_flag("fit", "stop_on_nonfinite", stop_on_nonfinite)
    callbacks = check_callbacks(callbacks)
    progress = Progress(verbose, epochs, callbacks)
    saving = as_checkpoint(checkpoint)
    arrays, labels, dims = network._runner.check_samples(x, y, sample_weight)
    shuffle = _check_order(network, shuffle)
    batches = Batches(network, network._runner.need_objective(), arrays,
                       network._runner.purpose(TRAIN, labels), dims, check_lengths(arrays), batch_size,
                       network.backend == NUMPY)
    network._runner.check_batches("fit", batches.count, batch_size)
    fed = dict(arrays)
    if validation_data is not None:  # refuse it now, not after an epoch
        fed |= _check_validation(network, validation_data, batch_size)
    arguments = {"batch_size": batch_size, "epochs": epochs, "shuffle": shuffle}
    samples = cache(lambda: {name: fingerprint(array) for name, array in fed.items()})
    if saving or resume:  # else they are needed after an interrupt only
        samples()
    loop = Loop(network, batches, arguments, samples, validation_data, callbacks, saving, progress,
                stop_on_nonfinite)
    if resume:
        loop.resume_at = check_resumable(network, arguments, samples(), callbacks, backend_change)
    figures = modes_of_epoch(batches.objective, validation_data is not None)
    for callback in callbacks:
        callback.check_figures(figures)
    return loop.run()


def _check_validation(network: Engine, data: object, batch_size: int) -> dict[str, Array]:
    """The arrays of the validation data, by names that tell them from those to train on."""
    if not isinstance(data, list | tuple) or len(data) not in (2, 3):
        raise ArgumentError("fit", "validation_data", type(data).__name__,
                            "it must be a tuple (x, y) or (x, y, sample_weight)")
    with _naming_validation():
        arrays = network._runner.check_samples(*data)[0]
    with network._lock, network._runner.states_set_aside():
        network._runner.check_batches("validation_data of fit", check_lengths(arrays), batch_size)
    return {f"validation {name}": array for name, array in arrays.items()}


@contextmanager
def _naming_validation() -> Iterator[None]:
    """Within the block, what is refused is part of the validation data."""
    try:
        yield
    except ShapeError as error:
        raise error.located(f"validation_data: {error.context}") from None
    except DataError as error:
        raise DataError(f"validation_data: {error}") from None


def _check_order(network: Engine, shuffle: bool | None) -> bool:
    if shuffle is None:
        return not network.stateful
    if shuffle and network.stateful:
        raise ArgumentError("fit", "shuffle", shuffle, "stateful layers need the samples in order: row i "
                                                       "of a batch goes on where row i of the batch before ended")
    return check_flag("fit", "shuffle", shuffle)
