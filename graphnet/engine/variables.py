"""What a network keeps between calls: weights, states of layers, and the optimizer's moments."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from graphnet.arrays.conversion import as_array
from graphnet.arrays.finiteness import check_finite
from graphnet.common.frozen import ReadOnly
from graphnet.compiler.errors import DataError, MemoryLimitError, ShapeError
from graphnet.compiler.ir import COUNTER
from graphnet.compiler.types import Array, concrete, format_shape
from graphnet.engine.interrupts import whole
from graphnet.engine.runner import Runner
from graphnet.engine.settings import refusal
from graphnet.initializers import Initializer

T = TypeVar("T")
P = ParamSpec("P")
V = TypeVar("V", bound="Variables")
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: spreads small numbers over all bits (Knuth, TAOCP 6.4)


def _unbroken(method: Callable[Concatenate[V, P], None]) -> Callable[Concatenate[V, P], None]:
    """A decorator: no other call, no interrupt and no fork comes between the beginning of the method and its end."""
    @wraps(method)
    def alone(self: V, /, *args: P.args, **kwargs: P.kwargs) -> None:
        with self._lock, whole, self._runner.step_lock:
            method(self, *args, **kwargs)
    return alone


class Variables:
    """The part of a network that reads and replaces what it keeps."""

    _runner: Runner
    seed: int

    @property
    def _lock(self) -> AbstractContextManager[Any]:
        """Held by each call, and by each step of `fit`, so that threads may share a network."""
        return self._runner.lock

    @property
    def weights(self) -> ReadOnly[str, Array]:
        """The weights by name, as read-only views: they follow the training. `set_weights` replaces them.

        Keras / PyTorch: `Model.get_weights()`, a list / `named_parameters()`.
        """
        return handed_out("weights", {name: view.view() for name, view in self._runner.weight_views().items()})

    @_unbroken
    def set_weights(self, weights: Mapping[str, object]) -> None:
        """Replaces the named weights; the others stay as they are.

        Keras / PyTorch: `Model.set_weights` with a list of all / `load_state_dict(…, strict=False)`, which passes over
        unknown names.

        Raises:
            DataError: a name is unknown, or a number too large for the dtype; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        _replace("weight", self._runner.weight_views(), weights)

    @property
    def states(self) -> ReadOnly[str, Array]:
        """What layers keep from step to step, as read-only copies by name. `set_states` replaces them.

        Running statistics, counters of random numbers, and what stateful layers carry from call to call, a row for each
        sequence of the batch; that is left out as long as there was no call since the last `reset_states`.

        Keras / PyTorch: `non_trainable_variables` / `named_buffers()`; frozen weights are in `weights`.
        """
        return handed_out("states", {name: view.copy() for name, view in self._runner.state_views().items()})

    @_unbroken
    def set_states(self, states: Mapping[str, object]) -> None:
        """Replaces the named states; the others stay as they are.

        Keras / PyTorch: – / `load_state_dict`.

        Raises:
            DataError: a name is unknown, a number too large for the dtype, or one that sequences carry on is not finite
                (unless `allow_nonfinite`); nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        arrays = {name: as_array(f"state {name!r}", value) for name, value in _named("state", states).items()}
        carried, views = self._runner.recurrent, self._runner.programs.states(self._runner.graph)
        recurrent = {name: array for name, array in arrays.items() if name in carried}
        others = {name: array for name, array in arrays.items() if name not in recurrent}
        _check_replaceable("state", views, others)
        if not self._runner.allow_nonfinite:
            for name, array in recurrent.items():
                check_finite("state", name, array, np.dtype(carried.dtype(name)))
        carried.replace(recurrent)
        _replace("state", views, others)

    @_unbroken
    def reset_states(self, names: Sequence[str] | None = None) -> None:
        """Lets stateful layers begin new sequences: their states are zero again, for batches of any size.

        Training, evaluation and prediction all carry these states on, as in Keras; so does each epoch of `fit`. Only
        validation during `fit` has states of its own, which begin anew, and `loss_and_gradients` changes none.

        Keras / PyTorch: `layer.reset_states()` / –.

        Args:
            names: states of any kind, running statistics too, to put back instead to what they were when the network
                was made. Recurrent ones are put back together.

        Raises:
            DataError: a name is unknown.
        """
        graph, carried = self._runner.graph, self._runner.recurrent
        states, views = {state.name: state for state in graph.states}, self._runner.programs.states(graph)
        chosen = list(carried) if names is None else list(names)
        for name in chosen:
            if name not in states:
                raise DataError(f"the model has no state {name!r}; it has {', '.join(states) or 'none'}")
        if any(name in carried for name in chosen):
            carried.reset()
        for name in (name for name in chosen if name in views):
            views[name].fill(states[name].initial)
            if states[name].role == COUNTER:
                views[name][:] = _stream_key(self.seed, name), 0

    @property
    def optimizer_state(self) -> ReadOnly[str, ReadOnly[str, Array]]:
        """The optimizer's moments as read-only copies: by the moment's name, for each trained weight; {} without any.

        `set_optimizer_state` replaces them.

        Keras / PyTorch: `optimizer.variables` / `optimizer.state_dict()`.
        """
        what = "optimizer_state"
        return ReadOnly({moment: handed_out(what, {name: view.copy() for name, view in views.items()})
                         for moment, views in self._runner.moment_views().items()}, refusal(what))

    @_unbroken
    def set_optimizer_state(self, state: Mapping[str, Mapping[str, object]]) -> None:
        """Replaces the named moments of the named weights; the others stay as they are.

        Raises:
            DataError: a name is unknown, or a number too large for the dtype; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        _replace("moment", _flat(self._runner.moment_views()), _flat(state))


def initialize(network: Variables, initializers: Mapping[str, Initializer]) -> None:
    """Fills the weights. Each draws from a stream of its own, keyed by the seed and the weight's name.

    Raises:
        MemoryLimitError: the system does not give as much memory as the weights take.
    """
    drawn = {}
    graph = network._runner.graph
    types = {p.name: graph.types[p.value] for p in graph.parameters}
    try:
        for name, t in types.items():
            stream = np.random.Generator(np.random.Philox(key=_stream_key(network.seed, name)))
            with whole, network._runner.programs.blas_threads:  # some are solved for
                drawn[name] = initializers[name](concrete(t.shape), stream, t.dtype)
        network.set_weights(drawn)
    except MemoryError:
        largest = max(graph.parameters, key=lambda p: types[p.name].nbytes)
        raise MemoryLimitError(f"the weights take {sum(t.nbytes for t in types.values()):,} bytes, more than the "
                               f"system gives; the largest is {largest.name!r} of {largest.origin}, "
                               f"{types[largest.name]}: make that layer smaller") from None


def _stream_key(seed: int, name: str) -> int:
    """The key of the random stream of a weight or layer: 63 bits, as states are signed, of every bit of the seed."""
    high = (seed >> 31) * _GOLDEN  # bits that the shift below pushes out; 0 for common seeds
    return (seed << 32 ^ high ^ zlib.crc32(name.encode())) & (1 << 63) - 1


def handed_out(what: str, arrays: dict[str, Array]) -> ReadOnly[str, Array]:
    """Arrays by name that nobody can write to."""
    for array in arrays.values():
        array.flags.writeable = False
    return ReadOnly(arrays, refusal(what))


def _flat(state: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    """Moments of weights under one name each."""
    return {f"{moment} of {name}": value for moment, parts in state.items() for name, value in parts.items()}


def _replace(what: str, views: Mapping[str, Array], values: Mapping[str, object]) -> None:
    """Copies named arrays into views, all or none."""
    arrays = {name: as_array(f"{what} {name!r}", value) for name, value in _named(what, values).items()}
    _check_replaceable(what, views, arrays)
    converted = {name: _convert(f"{what} {name!r}", array, views[name].dtype) for name, array in arrays.items()}
    for name, array in converted.items():
        np.copyto(views[name], array)


def _named(what: str, values: object) -> Mapping[str, object]:
    if isinstance(values, Mapping):
        return values
    raise DataError(f"give each {what} by its name, as a dict {{name: array}}, not as {type(values).__name__}")


def _convert(what: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another dtype; refuses numbers that this cannot hold."""
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype, copy=False)
    except FloatingPointError:
        raise DataError(f"{what} has numbers that are too large for {dtype}") from None


def _check_replaceable(what: str, views: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
    """Refuses names that are unknown, and arrays that do not fit."""
    for name, array in arrays.items():
        if name not in views:
            raise DataError(f"the model has no {what} {name!r}; it has {', '.join(views) or 'none'}")
        if array.shape != views[name].shape or not np.can_cast(array.dtype, views[name].dtype, "same_kind"):
            raise ShapeError(f"{what} {name!r} is {views[name].dtype} {format_shape(views[name].shape)}, "
                             f"got {array.dtype} {format_shape(array.shape)}", "give an array of that shape and dtype")
