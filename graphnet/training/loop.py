"""The training loop. It can be cut at any step: from a checkpoint it goes on as if nothing had been in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from graphnet.arrays.finiteness import check_loss
from graphnet.compiler.passes.pipeline import Purpose
from graphnet.compiler.types import BATCH, Array
from graphnet.engine.assembly import LOSS, Objective
from graphnet.engine.checkpoints import Checkpoint, FitState
from graphnet.engine.engine import Engine
from graphnet.engine.figures import VALIDATION
from graphnet.engine.interrupts import whole
from graphnet.engine.scores import Scores
from graphnet.runtime.blas import blas_kind
from graphnet.runtime.session import Executable
from graphnet.saving.marks import mark_of
from graphnet.saving.training_setup import trained_on
from graphnet.training.callback import Callback
from graphnet.training.history import History
from graphnet.training.progress import Progress

T = TypeVar("T")
UNHEARD = 0.04
"""Seconds that steps may take in which no Python runs."""


@dataclass
class Batches:
    """The samples, and how to train on some of them."""

    network: Engine
    objective: Objective
    arrays: Mapping[str, Array]
    purpose: Purpose
    dims: dict[str, int]
    count: int
    size: int
    uses_blas: bool
    """Whether some of the training was computed by NumPy, so that its BLAS had a say in the bits."""

    def train(self, order: NDArray[np.intp], scores: Scores, steps: int = 1, stops: bool = True) -> tuple[int, float]:
        """Steps on the first samples with these numbers: so many, or fewer if no more are left, or if one `stops` it
        since its loss is not finite.

        Returns:
            How many samples were trained on, and the loss of the last step.
        """
        runner, size = self.network._runner, min(self.size, len(order))
        with self.network._lock:
            run = runner.executable(self.purpose, self.dims | {BATCH: size}, self.size)
            self.uses_blas |= run.uses_blas
            if steps > 1 and run.takes_steps and not runner.programs.is_watched(run):
                return self._train_steps(run, order[:min(steps * size, len(order) // size * size)], scores, stops)
            run.take(self.arrays, order[:size])
            runner.run_step(run)
            scores.add(run.outputs, size)
            return size, float(run.outputs[LOSS])

    def _train_steps(self, run: Executable, order: NDArray[np.intp], scores: Scores, stops: bool) -> tuple[int, float]:
        """The same, all of them at once."""
        size = run.samples
        done, outputs = self.network._runner.run_steps(run, self.arrays, order, len(order) // size, stops)
        scores.add_steps(outputs, size)
        return done * size, float(outputs[LOSS][-1])


@dataclass
class Loop:
    """One call of `fit`: what stays the same, then where it stands."""

    network: Engine
    batches: Batches
    arguments: Mapping[str, Any]
    samples: Callable[[], dict[str, Any]]
    validation_data: tuple[object, ...] | None
    callbacks: Sequence[Callback]
    checkpoint: Checkpoint | None
    progress: Progress
    stop_on_nonfinite: bool
    resume_at: FitState | None = None
    begun: int = 0
    position: int | None = None  # samples of the current epoch that were trained on; None between epochs
    stopped: bool = False
    broken: bool = False
    seconds: float = 0.0
    pace: float = 0.0
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.scores = Scores(self.batches.objective)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to train."""
        return self.position is None and (self.stopped or self.begun >= self.arguments["epochs"])

    def run(self) -> History:
        """Trains what is left. An interrupt waits for the end of a step, or of what callbacks do."""
        with whole:
            return self._run()

    def _run(self) -> History:
        if self.resume_at is None:
            self.network._fit_state = None
        self.call(lambda callback: callback.on_train_begin(self.network))
        if self.resume_at is None:
            self.save()
        else:
            self.restore(self.resume_at)
            self.network._fit_state = None  # not before: what is refused can be tried again with other arguments
        try:
            while not self.done:
                self.epoch()
            self.end()
            self.broken = True  # nothing is left to break off
            self.pause(time.perf_counter())
        except BaseException:
            self.break_off()
            raise
        return self.history

    def end(self) -> None:
        """Lets the callbacks end; what they make of the network stands in the checkpoint too."""
        before = mark_of(self.network) if self.checkpoint and self.callbacks else None
        self.call(lambda callback: callback.on_train_end(self.network))
        if before is not None and mark_of(self.network) != before:
            self.save()

    def break_off(self) -> None:
        """Tells the callbacks, once, that the training ends before its time."""
        self.progress.close()
        if not self.broken:
            self.broken = True
            self.call(lambda callback: callback.on_train_break(self.network))

    def epoch(self) -> None:
        """Trains on what is left of the current epoch, or on the next one."""
        network = self.network
        if self.position is None:
            self.position, self.seconds, self.scores = 0, 0.0, Scores(self.batches.objective)
            self.begun += 1
            network.epoch += 1
            self.call(lambda callback: callback.on_epoch_begin(network, network.epoch))
        start = time.perf_counter() - self.seconds
        size, count = self.batches.size, self.batches.count
        self.progress.begin(self.begun, self.position // size, -(-count // size), self.scores.result)
        self.steps(self.position, start)
        logs = self.scores.result()
        if self.validation_data is not None:
            validated = self.validated(self.validation_data, start)
            logs |= {VALIDATION + name: value for name, value in validated.items()}
        logs["seconds"] = time.perf_counter() - start
        self.history.add(network.epoch, logs)
        self.progress.end(self.begun, logs)
        stops = self.call(lambda callback: callback.on_epoch_end(network, network.epoch, dict(logs)))
        self.stopped = any(stops)
        if self.stopped:
            self.progress.stop(self.begun, next(c for c, stop in zip(self.callbacks, stops, strict=True) if stop))
        self.position = None
        if self.done or (self.checkpoint and self.checkpoint.every is None):
            self.save()
        if not self.done:
            self.pause(start)

    def steps(self, position: int, start: float) -> None:
        """The steps of an epoch from a position on."""
        network, count = self.network, self.batches.count
        order = shuffled(count, network.seed, network.epoch) if self.arguments["shuffle"] else np.arange(count)
        threads = nullcontext() if self.callbacks else network._runner.programs.blas_threads  # callbacks have theirs
        with threads:
            while position < count:
                before, begun = network.step, time.perf_counter()
                trained, loss = self.batches.train(order[position:], self.scores, self.steps_at_once(),
                                                   self.stop_on_nonfinite)
                self.position = position = position + trained
                self.pace = (time.perf_counter() - begun) / (network.step - before)
                if self.stop_on_nonfinite:
                    check_loss(loss, network.step, network.epoch, self.history)
                if self.callbacks:
                    self.tell_of_step({LOSS: loss})
                self.progress.step(network.step - before)
                if self.checkpoint and self.checkpoint.every and network.step % self.checkpoint.every == 0:
                    self.seconds = time.perf_counter() - start
                    self.save()
                self.pause(start)

    def steps_at_once(self) -> int:
        """How many steps may be done before anybody must hear of one: those of 40 ms, so that an interrupt comes
        through and the bar moves."""
        if any(type(callback).on_step_end is not Callback.on_step_end for callback in self.callbacks):
            return 1
        most = max(1, int(UNHEARD / self.pace)) if self.pace else 1
        every = self.checkpoint.every if self.checkpoint else None
        return most if every is None else min(most, every - self.network.step % every)

    def validated(self, data: Sequence[object], start: float) -> dict[str, Any]:
        """Scores of the validation data. It may be interrupted: the training can be gone on with from before it."""
        try:
            return _validate(self.network, data, self.batches.size)
        except (KeyboardInterrupt, SystemExit):
            self.keep(start)
            raise

    def call(self, tell: Callable[[Callback], T]) -> list[T]:
        """Every callback, whatever the others say; no interrupt comes between them."""
        with whole:
            return [tell(callback) for callback in self.callbacks]

    def tell_of_step(self, logs: dict[str, float]) -> None:
        """Lets the callbacks know of a step."""
        self.call(lambda callback: callback.on_step_end(self.network, self.network.step, logs))

    def pause(self, start: float) -> None:
        """A place where an interrupt may end the training, which can be gone on with."""
        try:
            whole.may_interrupt()
        except BaseException:  # whatever the user's handler raises
            self.keep(start)
            raise

    def keep(self, start: float) -> None:
        """Lets the network, and the checkpoint if there are to be any, remember where the training stands."""
        self.seconds = time.perf_counter() - start
        self.break_off()
        self.network._fit_state, self.network._fit_mark = self.state(), mark_of(self.network)
        self.save()

    def save(self) -> None:
        """Writes a checkpoint, if there are to be any."""
        if self.checkpoint is None:
            return
        from graphnet.saving.saving import save_checkpoint

        save_checkpoint(self.network, self.checkpoint, self.state())

    def state(self) -> FitState:
        """Where the training stands."""
        within = self.position is not None
        return FitState(
            self.network.step, dict(self.arguments), self.samples(), self.begun, self.position, self.stopped,
            self.seconds if within else 0.0, self.scores.state() if within else None, self.history.state(),
            tuple([{"class": type(callback).__name__, "state": callback.state()} for callback in self.callbacks]),
            blas_kind() if self.batches.uses_blas else None)

    def restore(self, state: FitState) -> None:
        """Goes to where a checkpoint was written."""
        self.begun, self.position = state.begun, state.position
        self.stopped, self.seconds = state.stopped, state.seconds
        self.batches.uses_blas |= state.blas is not None and trained_on(self.network) == self.network.backend
        self.history.set_state(state.history)
        if state.scores is not None:
            self.scores.set_state(state.scores)
        for callback, kept in zip(self.callbacks, state.callbacks, strict=True):
            callback.set_state(kept["state"])
        self.call(lambda callback: callback.on_train_resume(self.network))


def _validate(network: Engine, data: Sequence[object], batch_size: int) -> dict[str, Any]:
    """Scores of the validation data. What stateful layers carry in training is not touched by it."""
    x, y, *weight = data
    sample_weight = weight[0] if weight else None
    if not network.stateful:
        return network.evaluate(x, y, sample_weight=sample_weight)
    with network._lock, network._runner.states_set_aside():
        return network.evaluate(x, y, batch_size, sample_weight=sample_weight)


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The order of samples in an epoch: counter-based, so it depends on nothing but these numbers."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)
