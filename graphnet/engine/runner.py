"""What an engine works with and its users need not see: arrays checked and named, Programs bound to memory, runs.

Whoever runs a Program holds the lock: all Programs of a network work in one arena.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray

from graphnet.arrays.finiteness import finite_inputs
from graphnet.compiler.errors import GraphError
from graphnet.compiler.index_ranges import index_ranges
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.attach_update import RATE, STEP
from graphnet.compiler.passes.pipeline import Assembly, Purpose
from graphnet.compiler.types import BATCH, Array, Dims, TensorType, concrete
from graphnet.engine.assembly import Objective, differentiating, evaluating, predicting, training
from graphnet.engine.feeding import check_input, check_lengths, name_arrays
from graphnet.engine.forking import keep_whole
from graphnet.engine.interrupts import whole
from graphnet.engine.programs import Programs
from graphnet.engine.recurrent_states import RecurrentStates, check_whole_batches
from graphnet.engine.targets import check_targets
from graphnet.optimizers import Optimizer
from graphnet.runtime.session import Executable

PREDICT, EVALUATE, TRAIN, GRADIENTS = "predict", "evaluate", "train", "gradients"


class Runner:
    """Runs the Programs of one network.

    Args:
        graph: as declared, in the dtype that the network computes in.
        programs: make and keep its Programs.
        objective: what it is trained for; None for prediction only.
        optimizer: None if it is not to be trained.

    Attributes:
        lock: may be taken again by the thread that holds it.
        step_lock: is held while weights and states change, and while a Program is made.
        recurrent: what stateful layers carry from call to call.
        allow_nonfinite: whether inputs may hold NaN and infinities.
        step: how many training steps were done.
        trained_on: the backend that did the last of them; None if that is not known.
        rate_factor: what the optimizer's learning rate is multiplied by.
    """

    def __init__(self, graph: Graph, programs: Programs, objective: Objective | None,
                 optimizer: Optimizer | None) -> None:
        self.graph, self.programs, self.objective, self.optimizer = graph, programs, objective, optimizer
        self.lock, self.step_lock = threading.RLock(), threading.RLock()
        self.recurrent = RecurrentStates(graph, programs.buffers)
        self.step, self.rate_factor = 0, 1.0
        self.trained_on: str | None = None
        self.allow_nonfinite = False
        self._ranges, self._finite = index_ranges(graph), finite_inputs(graph)
        self._names = [i.name for i in graph.inputs]
        self._fed = {i.name: (graph.types[i.value], i.origin) for i in graph.inputs
                     if BATCH in graph.types[i.value].shape}
        self._purposes: dict[tuple[object, ...], Purpose] = {}
        keep_whole(self)

    # What there is -----------------------------------------------------------------------------------------------

    def need_objective(self) -> Objective:
        """The losses and metrics.

        Raises:
            GraphError: there are none.
        """
        if self.objective is None:
            raise GraphError("this network was compiled for prediction only; "
                             "to train or evaluate it give gn.compile a loss")
        return self.objective

    def need_optimizer(self) -> Optimizer:
        """The optimizer.

        Raises:
            GraphError: there is none.
        """
        if self.optimizer is None:
            raise GraphError("this network was compiled without an optimizer; to train it give gn.compile one")
        return self.optimizer

    def weight_views(self) -> dict[str, Array]:
        """The weights by name, as views that may be written to."""
        self.programs.buffers.version += 1
        return self.programs.weights(self.graph)

    def state_views(self) -> dict[str, Array]:
        """The states by name, likewise; recurrent ones only if they belong to a batch."""
        self.programs.buffers.version += 1
        views = self.programs.states(self.graph) | self.recurrent.views
        return {state.name: views[state.name] for state in self.graph.states if state.name in views}

    def moment_views(self) -> dict[str, dict[str, Array]]:
        """The optimizer's moments, by moment and weight, likewise."""
        count = sum(p.trainable for p in self.graph.parameters)
        moments = self.optimizer.update_op(count).moments if self.optimizer is not None and count else ()
        return self.programs.moments(self.graph, moments)

    # What is fed -------------------------------------------------------------------------------------------------

    def check_inputs(self, x: object) -> tuple[dict[str, Array], dict[str, int]]:
        """Inputs, checked and named; numbers for symbols beside the batch."""
        dims: dict[str, int] = {}
        named = name_arrays("x", self._names, x)
        checked = {name: check_input(name, named[name], *declared, dims) for name, declared in self._fed.items()}
        for allowed in self._ranges:
            allowed.check(checked[allowed.name], dims)
        for finite in self._finite if not self.allow_nonfinite else ():
            finite.check(checked)
        dims.pop(BATCH, None)
        return checked, dims

    @contextmanager
    def taking_nonfinite(self) -> Iterator[None]:
        """Within this context inputs may hold NaN and infinities: those of a file that was written with such."""
        before, self.allow_nonfinite = self.allow_nonfinite, True
        try:
            yield
        finally:
            self.allow_nonfinite = before

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

    def empty_outputs(self, dims: Dims) -> dict[str, Array]:
        """What no samples are predicted as, by output."""
        types = {o.name: self.graph.types[o.value].bind({**dims, BATCH: 0}) for o in self.graph.outputs}
        return {name: np.empty(concrete(t.shape), t.dtype) for name, t in types.items()}

    def check_batches(self, owner: str, count: int, batch_size: int) -> None:
        """Refuses what stateful layers cannot take: a last batch that is smaller, or another size than before.

        Raises:
            DataError: the text says what to do.
        """
        if self.recurrent:
            check_whole_batches(owner, count, batch_size)
            self.recurrent.check(min(count, batch_size))

    def states_set_aside(self) -> AbstractContextManager[None]:
        """Within this context stateful layers begin anew; after it they go on as if nothing had been in between."""
        return self.recurrent.set_aside()

    # What runs ---------------------------------------------------------------------------------------------------

    def purpose(self, name: str, labels: Mapping[str, TensorType] | None = None,
                inputs: tuple[str, ...] = ()) -> Purpose:
        """What a Program is for, by its name; labels and sample weights of these types, gradients for these inputs.

        Raises:
            GraphError: there is no such purpose.
        """
        if name not in (PREDICT, EVALUATE, TRAIN, GRADIENTS):
            raise GraphError(f"mode is {name!r}, but it must be one of {PREDICT}, {EVALUATE}, {TRAIN}, {GRADIENTS}")
        key = name, *(labels or {}).items(), *inputs
        if key not in self._purposes:
            self._purposes[key] = self._new_purpose(name, dict(labels or {}), inputs)
        return self._purposes[key]

    def _new_purpose(self, name: str, fed: dict[str, TensorType], inputs: tuple[str, ...]) -> Purpose:
        # What assembles is kept, so it must not hold the runner: a network that nobody uses would stay in memory.
        assemble: Callable[[], Assembly]
        if name == PREDICT:
            assemble = partial(predicting, self.graph)
        elif name == EVALUATE:
            assemble = partial(evaluating, self.graph, self.need_objective(), fed)
        elif name == TRAIN:
            assemble = partial(training, self.graph, self.need_objective(), fed, self.need_optimizer())
        else:
            assemble = partial(differentiating, self.graph, self.need_objective(), fed, inputs)
        return Purpose(name, (*fed.items(), *inputs), assemble=assemble)

    def usual_purpose(self, name: str) -> Purpose:
        """The same with labels of the usual kind, such as class numbers, where it takes any."""
        if name == PREDICT or self.objective is None:
            return self.purpose(name)
        types = self.graph.types
        return self.purpose(name, {output: loss.label_types(types[self.graph.output(output)])[0]
                                   for output, loss in self.objective.losses.items()})

    def executable(self, purpose: Purpose, dims: Dims, usual: int = 0) -> Executable:
        """The Program for a purpose, bound and ready to run; the states of stateful layers fit its batch. `usual` is
        the size of the batches that this one is the rest of.

        Raises:
            DataError: they belong to another number of sequences.
        """
        self.recurrent.prepare(dims[BATCH])
        with self.step_lock:  # a fork waits for its end: what compiles has locks that a child would find taken
            found = self.programs.executable(purpose, dims, usual)
        if purpose.name != GRADIENTS:
            self.recurrent.hold(dims[BATCH])
        return found

    def run(self, run: Executable) -> None:
        """Runs a Program whose inputs have been fed, and that changes no weight."""
        if not self.recurrent:
            self.programs.run(run)
            return
        with whole, self.step_lock:
            self.programs.run(run)

    def run_step(self, run: Executable) -> None:
        """Runs a training Program whose inputs have been fed, as the next step."""
        self.feed_step(run, self.step + 1)
        with whole, self.step_lock:
            self.programs.buffers.version += 1
            self.programs.run(run)
            self.step, self.trained_on = self.step + 1, self.programs.backend

    def run_steps(self, run: Executable, arrays: Mapping[str, Array], order: NDArray[np.intp], steps: int,
                  stops: bool) -> tuple[int, dict[str, Array]]:
        """Several training steps in one call; see `Executable.run_steps`."""
        optimizer, first = self.need_optimizer(), self.step + 1
        rates = np.array([optimizer.rate_at(first + k) * self.rate_factor for k in range(steps)])
        with whole, self.step_lock:
            self.programs.buffers.version += 1
            done, outputs = run.run_steps(arrays, order, rates, first, stops)
            self.step, self.trained_on = self.step + done, self.programs.backend
        return done, outputs

    def feed_step(self, run: Executable, step: int) -> None:
        """Writes the step's number and its learning rate into the inputs of a training Program."""
        if RATE in run.inputs:  # without trained weights there is no update: a step moves the states alone
            run.inputs[RATE][...] = self.need_optimizer().rate_at(step) * self.rate_factor
            run.inputs[STEP][...] = step
