"""A compiled network: weights, and Programs that train, evaluate and predict with them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from graphnet.common.checks import check_whole
from graphnet.common.exclusive import exclusive
from graphnet.compiler.errors import GraphError
from graphnet.compiler.index_ranges import index_ranges
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.attach_update import RATE, STEP
from graphnet.compiler.passes.derive_backward import gradient_name
from graphnet.compiler.types import BATCH, TensorType
from graphnet.engine.assembly import (
    LOSS,
    Objective,
    differentiating,
    evaluating,
    predicting,
    training,
)
from graphnet.engine.checkpoints import Checkpoint, FitState, Mark
from graphnet.engine.feeding import Feeder, check_input, check_lengths, name_arrays
from graphnet.engine.programs import Key, Programs
from graphnet.engine.recurrent_states import RecurrentStates, check_whole_batches
from graphnet.engine.scores import Scores
from graphnet.engine.targets import check_targets
from graphnet.engine.variables import Variables
from graphnet.inspect.inspection import EVALUATE, GRADIENTS, PREDICT, TRAIN, Inspection
from graphnet.optimizers import Optimizer
from graphnet.runtime.session import Executable
from graphnet.training.history import Callback, History
from graphnet.training.loop import fit

Array = NDArray[Any]
INFERENCE_BATCH = 256


class Network(Variables, Inspection):
    """What `gn.compile` and `gn.load` return.

    Attributes:
        graph: the declared graph, in the dtype that the network computes in.
        seed: of the first weights and of shuffling.
        step: how many training steps were done.
        epoch: how many epochs of `fit` were done.
        rate_factor: what the optimizer's learning rate is multiplied by; callbacks may change it.
        fit_state: where a call of `fit` stood when it wrote the checkpoint that this network was loaded from; None
            for other networks, and as soon as `fit` is called.
        lock: held by each call, and by each step of `fit`, so that threads may share a network.
        samples: inputs by name that files of this network hold, with what it makes of them; see `save`.
    """

    def __init__(self, graph: Graph, programs: Programs, objective: Objective | None, optimizer: Optimizer | None,
                 seed: int) -> None:
        self.lock = threading.RLock()
        self.graph, self.objective, self.optimizer, self.seed = graph, objective, optimizer, seed
        self.step = self.epoch = 0
        self.rate_factor = 1.0
        self.fit_state: FitState | None = None
        self.fit_mark: Mark | None = None  # what `mark_of` gave when the state was loaded
        self.samples: dict[str, Array] | None = None
        self._programs = programs
        self._recurrent, self._ranges = RecurrentStates(graph, programs.buffers), index_ranges(graph)
        self.reset_states([state.name for state in graph.states])

    def __reduce__(self) -> NoReturn:
        raise GraphError("a Network cannot be pickled or copied, since a pickle runs code when it is read; "
                         "use net.save(path) and gn.load(path)")

    # What there is -----------------------------------------------------------------------------------------------

    @property
    def optimize(self) -> bool:
        """Whether the network was compiled with the optimising passes."""
        return self._programs.optimize

    # What it does ------------------------------------------------------------------------------------------------

    @exclusive
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

    @exclusive
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
        count, feeder, scores = check_lengths(arrays), Feeder(arrays), Scores(self.need_objective())
        self.check_batches("evaluate", count, batch_size)
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self.executable(EVALUATE, labels, dims | {BATCH: stop - start})
            feeder.feed_range(run.inputs, start, stop)
            run.run()
            scores.add(run.outputs, stop - start)
        return scores.result()

    @exclusive
    def train_on_batch(self, x: object, y: object, *, sample_weight: object = None) -> dict[str, Any]:
        """One step of training on one batch; returns its loss and metrics, from before the step.

        Arguments are those of `evaluate`.
        """
        arrays, labels, dims = self.check_samples(x, y, sample_weight)
        count = check_lengths(arrays)
        run = self.prepare_step(labels, dims | {BATCH: count})
        Feeder(arrays).feed_range(run.inputs, 0, count)
        self.run_step(run)
        scores = Scores(self.need_objective())
        scores.add(run.outputs, count)
        return scores.result()

    @exclusive
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
            callbacks: Sequence[Callback] = (), verbose: bool | None = None,
            checkpoint: Checkpoint | str | os.PathLike[str] | None = None, resume: bool = False) -> History:
        """Trains.

        A training that was cut, whatever the moment, goes on from its last checkpoint and ends with the same bits as if
        it had never been cut: `net = gn.load(path)`, then `net.fit(…, checkpoint=path, resume=True)` with the same
        arguments, samples and callbacks.

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
            checkpoint: a `.gnet` file to save to after each epoch, or a `gn.Checkpoint` to save more often.
            resume: whether to go on with the call of `fit` whose checkpoint the network was loaded from. Of a call that
                had trained all its epochs, only the history is made again and `on_train_end` called.

        Returns:
            Loss and metrics of each epoch.

        Raises:
            GraphError: there is nothing to resume.
            ArgumentError: an argument is not allowed, or not what it was at the checkpoint.
            DataError: the samples cannot be used, or are not those of the checkpoint.
            OSError: a checkpoint cannot be written.
        """
        return fit(self, x, y, batch_size, epochs, shuffle, sample_weight, validation_data, callbacks, verbose,
                   checkpoint, resume)

    @exclusive
    def save(self, path: str | os.PathLike[str], *, samples: object = None) -> None:
        """Writes graph, weights and training set-up to a `.gnet` file, atomically.

        Args:
            path: the file.
            samples: inputs as `predict` takes them, some few: the file gets them with what the network makes of them,
                so that `graphnet verify` can tell whether it does the same elsewhere. They are remembered; without any
                the last ones are taken, those of the file that the network was loaded from too.

        Raises:
            GnetFormatError: the network holds what no file can.
            ArgumentError: an argument of a loss, metric or optimizer is not plain data, or the path is no regular file.
            ShapeError: the samples do not fit the inputs.
            OSError: the file cannot be written.
        """
        from graphnet.saving.saving import save

        if samples is not None:
            self.samples = {name: array.copy() for name, array in self.check_inputs(samples)[0].items()}
        save(self, path)

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
        targets, types = check_targets(self.graph, self.need_objective(), y, sample_weight, dims)
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
            return key, lambda: evaluating(self.graph, self.need_objective(), labels)
        if mode == TRAIN:
            return key, lambda: training(self.graph, self.need_objective(), labels, self._need_optimizer())
        if mode == GRADIENTS:
            return key, lambda: differentiating(self.graph, self.need_objective(), labels, inputs)
        raise GraphError(f"mode is {mode!r}, but it must be one of {PREDICT}, {EVALUATE}, {TRAIN}, {GRADIENTS}")

    def _usual_labels(self) -> dict[str, TensorType]:
        return {name: loss.label_types(self.graph.types[self.graph.output(name)])[0]
                for name, loss in self.need_objective().losses.items()}

    def _network(self) -> Network:
        return self

    def need_objective(self) -> Objective:
        """The losses and metrics.

        Raises:
            GraphError: there are none.
        """
        if self.objective is None:
            raise GraphError("this network was compiled for prediction only; "
                             "to train or evaluate it give gn.compile a loss")
        return self.objective

    def _need_optimizer(self) -> Optimizer:
        if self.optimizer is None:
            raise GraphError("this network was compiled without an optimizer; to train it give gn.compile one")
        return self.optimizer
