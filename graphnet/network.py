"""A compiled network: weights, and Programs that train, evaluate and predict with them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from graphnet.assembly import (
    LABEL,
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
from graphnet.compiler.pipeline import Stage
from graphnet.compiler.program import Program
from graphnet.compiler.types import BATCH, TensorType, format_shape
from graphnet.feeding import Feeder, check_input, check_lengths, name_arrays
from graphnet.initializers import Initializer
from graphnet.optimizers import Optimizer
from graphnet.programs import Key, Programs
from graphnet.runtime.session import Executable
from graphnet.scores import Scores
from graphnet.source import user_source
from graphnet.summary import Summary, summarize
from graphnet.training import Callback, History, fit

Array = NDArray[Any]
T = TypeVar("T")
PREDICT, EVALUATE, TRAIN, GRADIENTS = "predict", "evaluate", "train", "gradients"
INFERENCE_BATCH = 256


class Network:
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

    # What there is -----------------------------------------------------------------------------------------------

    @property
    def optimize(self) -> bool:
        """Whether the network was compiled with the optimising passes."""
        return self._programs.optimize

    @property
    def weights(self) -> dict[str, Array]:
        """The weights by name, as read-only views: they follow the training."""
        views = {name: view.view() for name, view in self._weight_views().items()}
        for view in views.values():
            view.flags.writeable = False
        return views

    def set_weights(self, weights: Mapping[str, object]) -> None:
        """Replaces the named weights; the others stay as they are.

        Raises:
            DataError: a name is unknown; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        _replace("weight", self._weight_views(), weights)

    @property
    def states(self) -> dict[str, Array]:
        """What layers keep from step to step (running statistics, counters of random numbers), as copies by name."""
        return {name: view.copy() for name, view in self._programs.states(self.graph).items()}

    def set_states(self, states: Mapping[str, object]) -> None:
        """Replaces the named states; the others stay as they are.

        Raises:
            DataError: a name is unknown; nothing was changed.
            ShapeError: a shape or dtype does not fit; nothing was changed.
        """
        _replace("state", self._programs.states(self.graph), states)

    def reset_states(self) -> None:
        """Puts every state back to what it was when the network was made."""
        views = self._programs.states(self.graph)
        for state in self.graph.states:
            views[state.name].fill(state.initial)
            if state.role == "counter":
                views[state.name][:] = _stream_key(self.seed, state.name), 0

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

    def summary(self) -> Summary:
        """Shapes, parameters, FLOPs and activation bytes of each layer; print it."""
        return summarize(self.graph)

    def program(self, mode: str = PREDICT, batch: int = 1, **dims: int) -> Program:
        """The Program for a purpose ("train", "evaluate", "predict" or "gradients") at a batch size.

        Args:
            mode: the purpose. Labels are taken to be of the usual kind, e.g. class numbers.
            batch: the batch size.
            dims: numbers for other symbols of the graph, by name.

        Raises:
            GraphError: the network was compiled without what the purpose needs.
        """
        labels = {} if mode == PREDICT else self._usual_labels()
        sizes = {BATCH: check_whole("program", "batch", batch)} | dims
        return self._programs.program(*self._purpose(mode, labels), sizes)

    def stages(self, mode: str = PREDICT) -> list[Stage]:
        """What each pass made of the graph for a purpose."""
        return self._programs.stages(*self._purpose(mode, {} if mode == PREDICT else self._usual_labels()))

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
        arrays, dims = self._check_inputs(x)
        count, feeder = check_lengths(arrays), Feeder(arrays)
        results: dict[str, Array] = {}
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self._executable(PREDICT, {}, dims | {BATCH: stop - start})
            feeder.feed_range(run.inputs, start, stop)
            run.run()
            for name, value in run.outputs.items():
                if name not in results:
                    results[name] = np.empty((count, *value.shape[1:]), value.dtype)
                results[name][start:stop] = value
        return results if len(results) > 1 else next(iter(results.values()))

    def evaluate(self, x: object, y: object, batch_size: int = INFERENCE_BATCH) -> dict[str, float]:
        """Loss and metrics over all samples, exact however they are cut into batches."""
        check_whole("evaluate", "batch_size", batch_size)
        arrays, labels, dims = self.check_samples(x, y)
        count, feeder, scores = check_lengths(arrays), Feeder(arrays), Scores(self._need_objective())
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self._executable(EVALUATE, labels, dims | {BATCH: stop - start})
            feeder.feed_range(run.inputs, start, stop)
            run.run()
            scores.add(run.outputs, stop - start)
        return scores.result()

    def train_on_batch(self, x: object, y: object) -> dict[str, float]:
        """One step of training on one batch; returns its loss and metrics, from before the step."""
        arrays, labels, dims = self.check_samples(x, y)
        count = check_lengths(arrays)
        run = self.prepare_step(labels, dims | {BATCH: count})
        Feeder(arrays).feed_range(run.inputs, 0, count)
        self.run_step(run)
        scores = Scores(self._need_objective())
        scores.add(run.outputs, count)
        return scores.result()

    def loss_and_gradients(self, x: object, y: object, inputs: bool = False) -> tuple[float, dict[str, Array]]:
        """The loss of a batch and its gradient for each trainable weight, without a step.

        Args:
            x: the inputs.
            y: the labels.
            inputs: whether to add the gradients for the floating-point inputs, by their names.
        """
        arrays, labels, dims = self.check_samples(x, y)
        count = check_lengths(arrays)
        wanted = tuple(i.name for i in self.graph.inputs if inputs and self.graph.types[i.value].is_float)
        run = self._executable(GRADIENTS, labels, dims | {BATCH: count}, wanted)
        Feeder(arrays).feed_range(run.inputs, 0, count)
        run.run()
        names = [p.name for p in self.graph.parameters if p.trainable] + list(wanted)
        return float(run.outputs[LOSS]), {name: run.outputs[gradient_name(name)].copy(order="C") for name in names}

    def fit(self, x: object, y: object, *, batch_size: int = 32, epochs: int = 1, shuffle: bool = True,
            validation_data: tuple[object, object] | None = None, callbacks: Sequence[Callback] = (),
            verbose: bool | None = None) -> History:
        """Trains.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            y: the labels likewise.
            batch_size: samples a step; the last batch of an epoch may be smaller.
            epochs: passes over the samples.
            shuffle: whether to draw a new order for each epoch, from the seed and the epoch's number.
            validation_data: (x, y) to evaluate after each epoch.
            callbacks: called at each epoch's end.
            verbose: whether to show a progress bar; by default only on a terminal.

        Returns:
            Loss and metrics of each epoch.
        """
        return fit(self, x, y, batch_size, epochs, shuffle, validation_data, callbacks, verbose)

    def save(self, path: Any) -> str:
        """Writes graph, weights and training set-up to a `.gnet` file, atomically.

        Returns:
            The file's digest, for `gn.load(path, expect_sha256=…)`.
        """
        from graphnet.saving import save

        return save(self, path)

    # How -----------------------------------------------------------------------------------------------------------

    def check_samples(self, x: object, y: object) -> tuple[dict[str, Array], dict[str, TensorType], dict[str, int]]:
        """Inputs and labels, checked and named as the Programs name them; the labels' types; numbers for symbols."""
        arrays, dims = self._check_inputs(x)
        objective, types = self._need_objective(), {}
        for name, array in name_arrays("y", list(objective.losses), y).items():
            value = self.graph.output(name)
            prediction = self.graph.types[value]
            try:
                label = objective.losses[name].check_labels(array, prediction)
            except ShapeError as error:
                raise error.located(f"labels fed at {user_source()} do not fit the output {name!r} of "
                                    f"{self.graph.origins[value]}") from None
            arrays[LABEL + name] = np.ascontiguousarray(label)
            types[name] = next(t for t in objective.losses[name].label_types(prediction)
                               if t.rank == label.ndim and t.dtype == label.dtype.name)
        check_lengths(arrays)
        return arrays, types, dims

    def prepare_step(self, labels: Mapping[str, TensorType], dims: Mapping[str, int]) -> Executable:
        """The training Program for these labels and dims."""
        return self._executable(TRAIN, labels, dims)

    def run_step(self, run: Executable) -> None:
        """Runs a training Program whose inputs have been fed, as the next step."""
        self.step += 1
        if RATE in run.inputs:  # without trained weights there is no update: a step moves the states alone
            run.inputs[RATE][...] = self._need_optimizer().rate_at(self.step) * self.rate_factor
            run.inputs[STEP][...] = self.step
        run.run()

    def _check_inputs(self, x: object) -> tuple[dict[str, Array], dict[str, int]]:
        dims: dict[str, int] = {}
        named = name_arrays("x", [i.name for i in self.graph.inputs], x)
        checked = {i.name: check_input(i.name, named[i.name], self.graph.types[i.value], i.origin, dims)
                   for i in self.graph.inputs if BATCH in self.graph.types[i.value].shape}
        dims.pop(BATCH, None)
        return checked, dims

    def _executable(self, mode: str, labels: Mapping[str, TensorType], dims: Mapping[str, int],
                    inputs: tuple[str, ...] = ()) -> Executable:
        return self._programs.executable(*self._purpose(mode, labels, inputs), dims)

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

    def _need_objective(self) -> Objective:
        if self.objective is None:
            raise GraphError("this network was compiled for prediction only; "
                             "to train or evaluate it give gn.compile a loss")
        return self.objective

    def _need_optimizer(self) -> Optimizer:
        if self.optimizer is None:
            raise GraphError("this network was compiled without an optimizer; to train it give gn.compile one")
        return self.optimizer

    def _weight_views(self) -> dict[str, Array]:
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
    for name, array in arrays.items():
        if name not in views:
            raise DataError(f"the model has no {what} {name!r}; it has {', '.join(views) or 'none'}")
        if array.shape != views[name].shape or not np.can_cast(array.dtype, views[name].dtype, "same_kind"):
            raise ShapeError(f"{what} {name!r} is {views[name].dtype} {format_shape(views[name].shape)}, "
                             f"got {array.dtype} {format_shape(array.shape)}", "give an array of that shape and dtype")
    for name, array in arrays.items():
        np.copyto(views[name], array, casting="same_kind")
