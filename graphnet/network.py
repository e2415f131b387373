"""A compiled network: weights, and Programs that train, evaluate and predict with them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from graphnet.assembly import (
    LOSS,
    Objective,
    differentiating,
    evaluating,
    predicting,
    training,
)
from graphnet.checks import check_whole
from graphnet.compiler.errors import DataError, GraphError, ShapeError
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.attach_update import RATE, STEP
from graphnet.compiler.passes.derive_backward import gradient_name
from graphnet.compiler.types import BATCH, TensorType, format_shape
from graphnet.feeding import Feeder, check_input, check_lengths, name_arrays
from graphnet.index_ranges import index_ranges
from graphnet.initializers import Initializer
from graphnet.inspection import EVALUATE, GRADIENTS, PREDICT, TRAIN, Inspection
from graphnet.optimizers import Optimizer
from graphnet.programs import Key, Programs
from graphnet.recurrent_states import RecurrentStates, check_whole_batches
from graphnet.runtime.session import Executable
from graphnet.scores import Scores
from graphnet.targets import check_targets
from graphnet.training import Callback, History, fit

Array = NDArray[Any]
T = TypeVar("T")
INFERENCE_BATCH = 256


class Network(Inspection):
    """What `gn.compile` and `gn.load` return.

    Attributes:
        graph: the declared graph, in the dtype that the network computes in.
        seed: of the first weights and of shuffling.
        step: how many training steps were done.
        epoch: how many epochs of `fit` were done.
        rate_factor: what the optimizer's learning rate is multiplied by; callbacks may change it.
    """

    def __init__(self, graph: Graph, programs: Programs, objective: Objective | None, optimizer: Optimizer | None,
                 seed: int) -> None:
        self.graph, self.objective, self.optimizer, self.seed = graph, objective, optimizer, seed
        self.step = self.epoch = 0
        self.rate_factor = 1.0
        self._programs = programs
        self._recurrent, self._ranges = RecurrentStates(graph, programs.buffers), index_ranges(graph)
        self.reset_states([state.name for state in graph.states])

    # What there is -----------------------------------------------------------------------------------------------

    @property
    def optimize(self) -> bool:
        """Whether the network was compiled with the optimising passes."""
        return self._programs.optimize

    @property
    def weights(self) -> dict[str, Array]:
        """The weights by name, as read-only views: they follow the training."""
        views = {name: view.view() for name, view in self.weight_views().items()}
        for view in views.values():
            view.flags.writeable = False
        return views

    def set_weights(self, weights: Mapping[str, object]) -> None:
        """Replaces the named weights; the others stay as they are.

        Raises:
            DataError: a name is unknown; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        _replace("weight", self.weight_views(), weights)

    @property
    def states(self) -> dict[str, Array]:
        """What layers keep from step to step, as copies by name.

        Running statistics, counters of random numbers, and what stateful layers carry from call to call, a row for each
        sequence of the batch; that is left out as long as there was no call since the last `reset_states`.
        """
        return {name: view.copy() for name, view in self._state_views().items()}

    def set_states(self, states: Mapping[str, object]) -> None:
        """Replaces the named states; the others stay as they are.

        Raises:
            DataError: a name is unknown; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        arrays = {name: np.asarray(value) for name, value in states.items()}
        recurrent = {name: array for name, array in arrays.items() if name in self._recurrent}
        others = {name: array for name, array in arrays.items() if name not in recurrent}
        _check_replaceable("state", self._programs.states(self.graph), others)
        self._recurrent.replace(recurrent)
        _replace("state", self._programs.states(self.graph), others)

    def reset_states(self, names: Sequence[str] | None = None) -> None:
        """Lets stateful layers begin new sequences: their states are zero again, for batches of any size.

        Training, evaluation and prediction all carry these states on, as in Keras; so does each epoch of `fit`. Only
        validation during `fit` has states of its own, which begin anew, and `loss_and_gradients` changes none.

        Args:
            names: states of any kind, running statistics too, to put back instead to what they were when the network
                was made. Recurrent ones are put back together.

        Raises:
            DataError: a name is unknown.
        """
        states, views = {state.name: state for state in self.graph.states}, self._programs.states(self.graph)
        chosen = list(self._recurrent) if names is None else list(names)
        for name in chosen:
            if name not in states:
                raise DataError(f"the model has no state {name!r}; it has {', '.join(states) or 'none'}")
        if any(name in self._recurrent for name in chosen):
            self._recurrent.reset()
        for name in (name for name in chosen if name in views):
            views[name].fill(states[name].initial)
            if states[name].role == "counter":
                views[name][:] = _stream_key(self.seed, name), 0

    @property
    def optimizer_state(self) -> dict[str, dict[str, Array]]:
        """The optimizer's moments as copies: by the moment's name, for each trained weight; {} if it has none."""
        return {moment: {name: view.copy() for name, view in views.items()}
                for moment, views in self._moment_views().items()}

    def set_optimizer_state(self, state: Mapping[str, Mapping[str, object]]) -> None:
        """Replaces the named moments of the named weights; the others stay as they are.

        Raises:
            DataError: a name is unknown; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        _replace("moment", _flat(self._moment_views()), _flat(state))

    # What it does ------------------------------------------------------------------------------------------------

    def predict(self, x: object, batch_size: int = INFERENCE_BATCH) -> Array | dict[str, Array]:
        """The outputs for samples, computed in batches.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            batch_size: samples computed at a time.

        Returns:
            An array (samples, …), or a dict of them for several outputs.
        """
        check_whole("predict", "batch_size", batch_size)
        arrays, dims = self.check_inputs(x)
        count, feeder = check_lengths(arrays), Feeder(arrays)
        self.check_batches("predict", count, batch_size)
        results: dict[str, Array] = {}
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self.executable(PREDICT, {}, dims | {BATCH: stop - start})
            feeder.feed_range(run.inputs, start, stop)
            run.run()
            for name, value in run.outputs.items():
                if name not in results:
                    results[name] = np.empty((count, *value.shape[1:]), value.dtype)
                results[name][start:stop] = value
        return results if len(results) > 1 else next(iter(results.values()))

    def evaluate(self, x: object, y: object, batch_size: int = INFERENCE_BATCH, *,
                 sample_weight: object = None) -> dict[str, Any]:
        """Loss and metrics over all samples, exact however they are cut into batches.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            y: the labels likewise.
            batch_size: samples computed at a time.
            sample_weight: a factor ≥ 0 for the loss of each sample, an array (samples,), or (samples, …) for the first
                dims of what the loss is a mean of; for several outputs a tuple or dict of them. Metrics do not use it.

        Returns:
            Floats by name; arrays for a confusion matrix and for losses with reduction "none".
        """
        check_whole("evaluate", "batch_size", batch_size)
        arrays, labels, dims = self.check_samples(x, y, sample_weight)
        count, feeder, scores = check_lengths(arrays), Feeder(arrays), Scores(self._need_objective())
        self.check_batches("evaluate", count, batch_size)
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self.executable(EVALUATE, labels, dims | {BATCH: stop - start})
            feeder.feed_range(run.inputs, start, stop)
            run.run()
            scores.add(run.outputs, stop - start)
        return scores.result()

    def train_on_batch(self, x: object, y: object, *, sample_weight: object = None) -> dict[str, Any]:
        """One step of training on one batch; returns its loss and metrics, from before the step.

        Arguments are those of `evaluate`.
        """
        arrays, labels, dims = self.check_samples(x, y, sample_weight)
        count = check_lengths(arrays)
        run = self.prepare_step(labels, dims | {BATCH: count})
        Feeder(arrays).feed_range(run.inputs, 0, count)
        self.run_step(run)
        scores = Scores(self._need_objective())
        scores.add(run.outputs, count)
        return scores.result()

    def loss_and_gradients(self, x: object, y: object, inputs: bool = False, *,
                           sample_weight: object = None) -> tuple[float, dict[str, Array]]:
        """The loss of a batch and its gradient for each trainable weight, without a step.

        Args:
            x: the inputs.
            y: the labels.
            inputs: whether to add the gradients for the floating-point inputs, by their names.
            sample_weight: as in `evaluate`.
        """
        arrays, labels, dims = self.check_samples(x, y, sample_weight)
        count = check_lengths(arrays)
        wanted = tuple(i.name for i in self.graph.inputs if inputs and self.graph.types[i.value].is_float)
        run = self.executable(GRADIENTS, labels, dims | {BATCH: count}, wanted)
        Feeder(arrays).feed_range(run.inputs, 0, count)
        run.run()
        names = [p.name for p in self.graph.parameters if p.trainable] + list(wanted)
        return float(run.outputs[LOSS]), {name: run.outputs[gradient_name(name)].copy(order="C") for name in names}

    def fit(self, x: object, y: object, *, batch_size: int = 32, epochs: int = 1, shuffle: bool | None = None,
            sample_weight: object = None, validation_data: tuple[object, ...] | None = None,
            callbacks: Sequence[Callback] = (), verbose: bool | None = None) -> History:
        """Trains.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            y: the labels likewise.
            batch_size: samples a step; the last batch of an epoch may be smaller, unless the network has stateful
                layers: row i of a batch goes on where row i of the batch before it ended.
            epochs: passes over the samples.
            shuffle: whether to draw a new order for each epoch, from the seed and the epoch's number; by default
                unless there are stateful layers, for which order has a meaning.
            sample_weight: as in `evaluate`.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate after each epoch.
            callbacks: called along the way; see `Callback`.
            verbose: whether to show a progress bar; by default only on a terminal.

        Returns:
            Loss and metrics of each epoch.
        """
        return fit(self, x, y, batch_size, epochs, shuffle, sample_weight, validation_data, callbacks, verbose)

    def save(self, path: Any) -> str:
        """Writes graph, weights and training set-up to a `.gnet` file, atomically.

        Returns:
            The file's digest, for `gn.load(path, expect_sha256=…)`.
        """
        from graphnet.saving import save

        return save(self, path)

    @property
    def stateful(self) -> bool:
        """Whether there are layers that carry their state from call to call."""
        return bool(self._recurrent)

    # How -----------------------------------------------------------------------------------------------------------

    def check_samples(self, x: object, y: object, sample_weight: object = None) -> tuple[
            dict[str, Array], dict[str, TensorType], dict[str, int]]:
        """Inputs, labels and sample weights, checked and named as the Programs name them; the types of labels and
        weights; numbers for symbols.
        """
        arrays, dims = self.check_inputs(x)
        targets, types = check_targets(self.graph, self._need_objective(), y, sample_weight, dims)
        arrays |= targets
        check_lengths(arrays)
        return arrays, types, dims

    def check_batches(self, owner: str, count: int, batch_size: int) -> None:
        """Refuses what stateful layers cannot take: a last batch that is smaller, or another size than before.

        Raises:
            DataError: the text says what to do.
        """
        if self.stateful:
            check_whole_batches(owner, count, batch_size)
            self._recurrent.check(min(count, batch_size))

    def states_set_aside(self) -> AbstractContextManager[None]:
        """Within this context stateful layers begin anew; after it they go on as if nothing had been in between."""
        return self._recurrent.set_aside()

    def executable(self, mode: str, labels: Mapping[str, TensorType], dims: Mapping[str, int],
                   inputs: tuple[str, ...] = ()) -> Executable:
        """The Program for a purpose, bound and ready to run; the states of stateful layers fit its batch.

        Raises:
            DataError: they belong to another number of sequences.
        """
        self._recurrent.prepare(dims[BATCH])
        found = super().executable(mode, labels, dims, inputs)
        if mode != GRADIENTS:
            self._recurrent.hold(dims[BATCH])
        return found

    def prepare_step(self, labels: Mapping[str, TensorType], dims: Mapping[str, int]) -> Executable:
        """The training Program for these labels and dims."""
        return self.executable(TRAIN, labels, dims)

    def run_step(self, run: Executable) -> None:
        """Runs a training Program whose inputs have been fed, as the next step."""
        self.feed_step(run, self.step + 1)
        run.run()
        self.step += 1

    def feed_step(self, run: Executable, step: int) -> None:
        """Writes the step's number and its learning rate into the inputs of a training Program."""
        if RATE in run.inputs:  # without trained weights there is no update: a step moves the states alone
            run.inputs[RATE][...] = self._need_optimizer().rate_at(step) * self.rate_factor
            run.inputs[STEP][...] = step

    def check_inputs(self, x: object) -> tuple[dict[str, Array], dict[str, int]]:
        """Inputs, checked and named; numbers for symbols beside the batch."""
        dims: dict[str, int] = {}
        named = name_arrays("x", [i.name for i in self.graph.inputs], x)
        checked = {i.name: check_input(i.name, named[i.name], self.graph.types[i.value], i.origin, dims)
                   for i in self.graph.inputs if BATCH in self.graph.types[i.value].shape}
        for allowed in self._ranges:
            allowed.check(checked[allowed.name], dims)
        dims.pop(BATCH, None)
        return checked, dims

    def _purpose(self, mode: str, labels: Mapping[str, TensorType],
                 inputs: tuple[str, ...] = ()) -> tuple[Key, Any]:
        """The key of a purpose, and what makes its graph."""
        key = (mode, *labels.items(), *inputs)
        if mode == PREDICT:
            return key, lambda: predicting(self.graph)
        if mode == EVALUATE:
            return key, lambda: evaluating(self.graph, self._need_objective(), labels)
        if mode == TRAIN:
            return key, lambda: training(self.graph, self._need_objective(), labels, self._need_optimizer())
        if mode == GRADIENTS:
            return key, lambda: differentiating(self.graph, self._need_objective(), labels, inputs)
        raise GraphError(f"mode is {mode!r}, but it must be one of {PREDICT}, {EVALUATE}, {TRAIN}, {GRADIENTS}")

    def _usual_labels(self) -> dict[str, TensorType]:
        return {name: loss.label_types(self.graph.types[self.graph.output(name)])[0]
                for name, loss in self._need_objective().losses.items()}

    def _network(self) -> Network:
        return self

    def _need_objective(self) -> Objective:
        if self.objective is None:
            raise GraphError("this network was compiled for prediction only; "
                             "to train or evaluate it give gn.compile a loss")
        return self.objective

    def _need_optimizer(self) -> Optimizer:
        if self.optimizer is None:
            raise GraphError("this network was compiled without an optimizer; to train it give gn.compile one")
        return self.optimizer

    def _state_views(self) -> dict[str, Array]:
        views = self._programs.states(self.graph) | self._recurrent.views
        return {state.name: views[state.name] for state in self.graph.states if state.name in views}

    def weight_views(self) -> dict[str, Array]:
        """The weights by name, as views that may be written to."""
        return self._programs.weights(self.graph)

    def _moment_views(self) -> dict[str, dict[str, Array]]:
        count = sum(p.trainable for p in self.graph.parameters)
        moments = self.optimizer.update_op(count).moments if self.optimizer is not None and count else ()
        return self._programs.moments(self.graph, moments)


def initialize(network: Network, initializers: Mapping[str, Initializer]) -> None:
    """Fills the weights. Each draws from a stream of its own, keyed by the seed and the weight's name."""
    drawn = {}
    for p in network.graph.parameters:
        stream = np.random.Generator(np.random.Philox(key=_stream_key(network.seed, p.name)))
        t = network.graph.types[p.value]
        drawn[p.name] = initializers[p.name](t.shape, stream, t.dtype)
    network.set_weights(drawn)


def _stream_key(seed: int, name: str) -> int:
    """The key of the random stream of a weight or layer."""
    return (seed << 32 ^ zlib.crc32(name.encode())) & (1 << 63) - 1


def _flat(state: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    """Moments of weights under one name each."""
    return {f"{moment} of {name}": value for moment, parts in state.items() for name, value in parts.items()}


def _replace(what: str, views: Mapping[str, Array], values: Mapping[str, object]) -> None:
    """Copies named arrays into views, all or none."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    _check_replaceable(what, views, arrays)
    for name, array in arrays.items():
        np.copyto(views[name], array, casting="same_kind")


def _check_replaceable(what: str, views: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
    """Refuses names that are unknown, and arrays that do not fit."""
    for name, array in arrays.items():
        if name not in views:
            raise DataError(f"the model has no {what} {name!r}; it has {', '.join(views) or 'none'}")
        if array.shape != views[name].shape or not np.can_cast(array.dtype, views[name].dtype, "same_kind"):
            raise ShapeError(f"{what} {name!r} is {views[name].dtype} {format_shape(views[name].shape)}, "
                             f"got {array.dtype} {format_shape(array.shape)}", "give an array of that shape and dtype")
