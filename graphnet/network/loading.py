"""Loads networks from `.gnet` files, and opens such files. How they are saved is in `saving/saving.py`.

Loading makes the network first, so that weights and moments are read straight into its memory. The format itself is
`graphnet.runtime.gnet`, which is imported when it is first needed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from graphnet.common.answers import answering
from graphnet.common.checks import check_flag, check_path, check_whole
from graphnet.compiler.errors import ArgumentError, GnetFormatError, GraphNetError, MemoryLimitError
from graphnet.compiler.types import Array
from graphnet.compiler.words import file_label
from graphnet.engine.backends import NUMPY, check_backend, why_not_native
from graphnet.engine.checkpoints import FIT, FitState
from graphnet.engine.runner import PREDICT
from graphnet.network.compiling import check_threads, make_network
from graphnet.network.network import Network
from graphnet.network.served import check_served
from graphnet.saving.array_trees import attach_arrays
from graphnet.saving.bounds import bounds_of, check_sample
from graphnet.saving.marks import mark_of
from graphnet.saving.saved_samples import parse_samples
from graphnet.saving.training_setup import TRAIN, objective_of, parse_setup, trained_on

if TYPE_CHECKING:
    from graphnet.runtime.gnet import Contents, GnetFile

Moments = dict[str, dict[str, Array]]


@answering
def open(path: str | os.PathLike[str]) -> GnetFile:
    """Maps a file into memory: any tensor of it, by name, without reading the rest.

    Preamble and header are checked now, the graph and each tensor at first touch. Use it in a `with` block.

    Keras / PyTorch: – / `safetensors.safe_open`, of a library of its own.

    Raises:
        GnetFormatError: the file is refused; the text names the field.
        OSError: the file cannot be opened.

    Example:
        >>> x = gn.Input((2,))
        >>> gn.compile(gn.Model(x, gn.layers.Dense(1)(x))).save("small.gnet")
        >>> with gn.open("small.gnet") as file:
        ...     print(list(file), file["dense/bias"])
        ['dense/weight', 'dense/bias'] [0.]
    """
    from graphnet.runtime.gnet import open_gnet

    return open_gnet(check_path("open", path))


@answering
def load(path: str | os.PathLike[str] | bytes | BinaryIO, expect_sha256: str | None = None, *,
         backend: str | None = None, threads: int | None = None, memory_limit: int | None = None,
         work_limit: int | None = None, allow_nonfinite: bool = False) -> Network:
    """Reads a network from a file, after verifying every byte of it.

    It predicts bit for bit what the saved one did on the same machine, and if that one could be trained, training goes
    on as if there had been no file in between.

    Keras / PyTorch: `saving.load_model` / `torch.load` and `load_state_dict`. No code is run and none is needed, but
    that of ops of your own; a limit of memory and work keeps a stranger's file in bounds.

    Args:
        path: the file, its bytes, or a file opened in binary mode.
        expect_sha256: the SHA-256 of the whole file in hex, as `sha256sum` and `graphnet verify` print it, to be sure
            of what is loaded.
        backend: as in `compile`; None for the one that trained the network, whose bits it goes on with. A warning says
            where that cannot be used, and NumPy takes its place. Where nothing was trained, it is the default.
        threads: as in `compile`.
        memory_limit: as in `compile`; a network that needs more to predict for one sample is refused. Without one, a
            graph that needs 16 GiB is; and one that needs more than 256 MiB, and than 4,096 bytes for each byte of the
            file, can be looked at, but not run.
        work_limit: operations that running it for one sample may take, at the rate of a matrix product; by default
            500,000 for each byte of the file, and at least 5 · 10¹⁰.
        allow_nonfinite: as in `compile`; no file says it.

    Raises:
        GnetFormatError: the file is refused; the text names the field.
        ArgumentError: another argument is not allowed.
        OSError: the file cannot be read.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "adam")
        >>> _ = net.train_on_batch([[1, 2]], [[3]])
        >>> net.save("small.gnet")
        >>> again, x = gn.load("small.gnet"), [[1, 2]]
        >>> again.step, bool((again.predict(x) == net.predict(x)).all())
        (1, True)
    """
    from graphnet.runtime.gnet import load_gnet

    if backend is not None:
        backend = check_backend("load", backend)
    threads = check_threads("load", threads)
    if memory_limit is not None:
        memory_limit = check_whole("load", "memory_limit", memory_limit)
    if work_limit is not None:
        work_limit = check_whole("load", "work_limit", work_limit)
    check_flag("load", "allow_nonfinite", allow_nonfinite)
    name = check_path("load", path) if isinstance(path, str | os.PathLike) else ""
    made: list[Network] = []

    def place(contents: Contents) -> dict[str, Array]:
        """Makes the network, whose own memory the weights and moments are then read into."""
        with contents.locating(), _refusing_what_does_not_fit():
            made.append(_make_network(contents, backend, threads, memory_limit))
        return _places(made[0])

    contents = load_gnet(path, expect_sha256, memory_limit, place=place)
    with contents.locating(), _refusing_what_does_not_fit():
        network = _fill(made[0], contents)
    network.allow_nonfinite = allow_nonfinite
    bounds = bounds_of(contents, memory_limit, work_limit)
    network._runner.programs.admit = partial(check_sample, network.graph, bounds, arena=memory_limit is None)
    if memory_limit is not None:
        _check_limit(network, memory_limit, name)
    if backend is None and network.backend != trained_on(network):
        problem = why_not_native(network.graph, network.optimize)
        warnings.warn(f"{file_label(name) if name else 'the network'} was trained on the native backend, and that "
                      f"{problem}. NumPy computes in its place, with other last bits; backend='numpy' says that it is "
                      "meant", UserWarning, stacklevel=3)
    return network


def _check_limit(network: Network, memory_limit: int, name: str) -> None:
    """Refuses a network that could not even predict for one sample."""
    if not network.graph.free_dims:
        try:
            network.program(PREDICT, 1)
        except MemoryLimitError as error:
            raise GnetFormatError(str(error), ("graph",), source=name) from error


def network_of(contents: Contents, *, backend: str | None = None, threads: int | None = None,
               memory_limit: int | None = None) -> Network:
    """The network that a file's contents describe, without a warning.

    Raises:
        GnetFormatError: the training set-up or the samples do not fit the graph or the tensors.
    """
    with contents.locating(), _refusing_what_does_not_fit():
        return _fill(_make_network(contents, backend, threads, memory_limit), contents)


@contextmanager
def _refusing_what_does_not_fit() -> Iterator[None]:
    """Within the block, what cannot be made of a file is the file's fault."""
    try:
        yield
    except (GnetFormatError, ArgumentError):
        raise
    except GraphNetError as error:
        raise GnetFormatError(str(error), ("graph",)) from error


def _make_network(contents: Contents, backend: str | None, threads: int | None, memory_limit: int | None) -> Network:
    """A network for a file's graph and training set-up; its weights are not filled in yet."""
    check_served(contents.graph)
    setup = parse_setup(contents.train)
    if backend is None and setup.step:
        problem = setup.backend != NUMPY and why_not_native(contents.graph, setup.optimize)
        backend = NUMPY if problem else setup.backend
    network = make_network(contents.graph, objective_of(setup, contents.graph), setup.optimizer, seed=setup.seed,
                           owner="load", backend=backend, threads=threads, optimize=setup.optimize,
                           memory_limit=memory_limit, blas_threads=setup.blas_threads)
    network._runner.trained_on = setup.backend if setup.step else None
    network.step, network.epoch, network.rate_factor = setup.step, setup.epoch, setup.rate_factor
    return network


def _places(network: Network) -> dict[str, Array]:
    """Where a network keeps its weights and moments, by the names of their tensors."""
    from graphnet.runtime.gnet import slot_name

    moments = network._runner.moment_views()
    return network._runner.weight_views() | {slot_name(name, moment): view for moment, parts in moments.items()
                                            for name, view in parts.items()}


def _fill(network: Network, contents: Contents) -> Network:
    """Fills in what a file holds; what was read into its place is there already."""
    from graphnet.runtime.gnet.codec import decode_record

    arrays = {name: tensor.array for name, tensor in contents.tensors.items()}
    network.set_weights({name: arrays[name] for name, view in network._runner.weight_views().items()
                         if not _is_same_memory(arrays[name], view)})
    with network._runner.taking_nonfinite():
        network.set_states({state.name: arrays[state.name] for state in contents.graph.states if state.name in arrays})
    views = network._runner.moment_views()
    network.set_optimizer_state({moment: {
        name: array for name, array in parts.items() if not _is_same_memory(array, views[moment][name])}
        for moment, parts in _moments(contents, views).items()})
    if contents.train.get(FIT) is not None:
        state = attach_arrays(contents.train[FIT], arrays, (TRAIN, FIT))
        network._fit_state = decode_record(FitState, state, (TRAIN, FIT))
        network._fit_mark = mark_of(network)
    samples = parse_samples(network, contents)
    with network._runner.taking_nonfinite():
        network.samples = None if samples is None else samples[0]
    return network


def _is_same_memory(array: Array, view: Array) -> bool:
    return array.ctypes.data == view.ctypes.data and array.nbytes == view.nbytes > 0


def _moments(contents: Contents, expected: Moments) -> Moments:
    """The moments in a file, which must be exactly those that the optimizer has."""
    from graphnet.runtime.gnet import OPTIMIZER, slot_name

    found = {name: t.array for name, t in contents.tensors.items() if t.role == OPTIMIZER}
    wanted = {slot_name(weight, moment): array.dtype for moment, parts in expected.items()
              for weight, array in parts.items()}
    for name in sorted(found.keys() ^ wanted.keys()):
        problem = "has none like it" if name in found else "needs it"
        raise GnetFormatError(f"{name!r} does not fit: the optimizer {problem}", ("tensors",))
    for name, dtype in wanted.items():
        if found[name].dtype != dtype:
            raise GnetFormatError(f"{name!r} is {found[name].dtype}, but the optimizer keeps {dtype}", ("tensors",))
    return {moment: {weight: found[slot_name(weight, moment)] for weight in parts}
            for moment, parts in expected.items()}
