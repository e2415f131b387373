"""A network that runs: it predicts, evaluates, does single steps of training, and shows what the compiler made.

It knows nothing of training loops, files and pictures.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from graphnet.arrays.finiteness import check_loss
from graphnet.common.answers import answering
from graphnet.common.checks import check_flag, check_whole
from graphnet.common.exclusive import exclusive
from graphnet.common.frozen import Guarded, ReadOnly, freeze
from graphnet.compiler.errors import FrozenError, GraphError
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.derive_backward import gradient_name
from graphnet.compiler.types import BATCH, Array
from graphnet.engine.assembly import LOSS, Objective
from graphnet.engine.checkpoints import FitState, Mark
from graphnet.engine.compiled import Compiled
from graphnet.engine.feeding import check_lengths, count_samples
from graphnet.engine.interrupts import whole
from graphnet.engine.programs import Programs
from graphnet.engine.runner import EVALUATE, GRADIENTS, PREDICT, TRAIN, Runner
from graphnet.engine.scores import Scores
from graphnet.engine.settings import CHECKS, instead
from graphnet.engine.variables import Variables, handed_out
from graphnet.optimizers import Optimizer

INFERENCE_BATCH = 256


class Engine(Variables, Compiled, Guarded):
    """What a `Network` is beneath fitting, saving and pictures.

    An attribute that cannot be set is refused, with what there is instead.

    Keras / PyTorch: – / –; users hold a `gn.Network`, which is one.

    Attributes:
        seed: of the first weights and of shuffling; set later, of shuffling alone.
        epoch: how many epochs of `fit` were done.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
        >>> isinstance(net, gn.Engine), net.step, net.rate_factor
        (True, 0, 1.0)
    """

    _habits = "Methods and attributes of a network"
    _checks = CHECKS

    def __init__(self, graph: Graph, programs: Programs, objective: Objective | None, optimizer: Optimizer | None,
                 seed: int) -> None:
        self._runner = Runner(graph, programs, objective, optimizer)
        self.seed = seed
        """Of the first weights and of shuffling; set later, of shuffling alone."""
        self.epoch = 0
        """How many epochs of `fit` were done."""
        # Where a call of `fit` stood when it was interrupted, or wrote the checkpoint that this network is from; None
        # for other networks, and as soon as `fit` is called.
        self._fit_state: FitState | None = None
        self._fit_mark: Mark | None = None  # what `mark_of` gave when the state was loaded
        self._samples: ReadOnly[str, Array] | None = None
        self.reset_states([state.name for state in graph.states])
        freeze(self, optimizer, *(objective.parts if objective else ()))

    def _refusal(self, name: str) -> FrozenError:
        known = "cannot be set" if hasattr(self, name) else "cannot be set: there is no such attribute"
        return FrozenError(f"{type(self).__name__}: {name} {known}; {instead(name)}")

    def __reduce__(self) -> NoReturn:
        raise GraphError("a Network cannot be pickled or copied, since a pickle runs code when it is read; "
                         "use net.save(path) and gn.load(path)")

    # What there is -----------------------------------------------------------------------------------------------

    @property
    def objective(self) -> Objective | None:
        """Losses and metrics; None for a network that can only predict."""
        return self._runner.objective

    @property
    def optimizer(self) -> Optimizer | None:
        """How weights follow their gradients; None for a network that is not to be trained."""
        return self._runner.optimizer

    @property
    def step(self) -> int:
        """How many training steps were done."""
        return self._runner.step

    @step.setter
    def step(self, step: int) -> None:
        self._runner.step = step

    @property
    def rate_factor(self) -> float:
        """What the optimizer's learning rate is multiplied by; callbacks may change it."""
        return self._runner.rate_factor

    @rate_factor.setter
    def rate_factor(self, factor: float) -> None:
        self._runner.rate_factor = factor

    @property
    def samples(self) -> ReadOnly[str, Array] | None:
        """Inputs by name that files of this network hold, with what it makes of them; see `Network.save`."""
        return self._samples

    @samples.setter
    def samples(self, samples: object) -> None:
        if samples is None:
            self._samples = None
            return
        arrays = self._runner.check_inputs(samples)[0]
        check_lengths(arrays)
        self._samples = handed_out("samples", {name: array.copy() for name, array in arrays.items()})

    @property
    def allow_nonfinite(self) -> bool:
        """Whether inputs and carried states may hold NaN and infinities; may be changed at any time."""
        return self._runner.allow_nonfinite

    @allow_nonfinite.setter
    def allow_nonfinite(self, allowed: bool) -> None:
        self._runner.allow_nonfinite = allowed

    @property
    def optimize(self) -> bool:
        """Whether the network was compiled with the optimising passes."""
        return self._runner.programs.policy.optimize

    @property
    def backend(self) -> str:
        """What the network runs on: "native" or "numpy"."""
        return self._runner.programs.backend

    @property
    def threads(self) -> int | None:
        """On how many threads it runs: those of the native backend, or of BLAS; None for as many as that likes."""
        return self._runner.programs.threads

    @property
    def blas_threads(self) -> int | None:
        """How many threads BLAS has while the network runs; None for as many as it likes."""
        return self._runner.programs.blas_threads.threads

    @property
    def stateful(self) -> bool:
        """Whether there are layers that carry their state from call to call."""
        return bool(self._runner.recurrent)

    # What it does ------------------------------------------------------------------------------------------------

    @answering
    @exclusive
    def predict(self, x: object, batch_size: int = INFERENCE_BATCH) -> Array | Any:
        """The outputs for samples, computed in batches.

        Keras / PyTorch: `Model.predict` / `model.eval()(x)` under `torch.no_grad()`. Batches of 256, 32 in Keras;
        arrays in, arrays out.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            batch_size: samples computed at a time.

        Returns:
            An array (samples, …), or a dict of them for several outputs; of no samples, arrays without any.
        """
        batch_size = check_whole("predict", "batch_size", batch_size)
        arrays, dims = self._runner.check_inputs(x)
        count = count_samples(arrays)
        self._runner.check_batches("predict", count, batch_size)
        purpose, results = self._runner.purpose(PREDICT), dict[str, Array]()
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self._runner.executable(purpose, dims | {BATCH: stop - start}, min(batch_size, count))
            run.take(arrays, slice(start, stop))
            self._runner.run(run)
            for name, value in run.outputs.items():
                if name not in results:
                    results[name] = np.empty((count, *value.shape[1:]), value.dtype)
                results[name][start:stop] = value
            whole.may_interrupt()
        results = results or self._runner.empty_outputs(dims)
        return results if len(results) > 1 else next(iter(results.values()))

    @answering
    @exclusive
    def evaluate(self, x: object, y: object, batch_size: int = INFERENCE_BATCH, *,
                 sample_weight: object = None) -> dict[str, Any]:
        """Loss and metrics over all samples, exact however they are cut into batches.

        Keras / PyTorch: `Model.evaluate(return_dict=True)` / –. In Keras weights count in `weighted_metrics`.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            y: the labels likewise.
            batch_size: samples computed at a time.
            sample_weight: a factor ≥ 0 for the loss of each sample, an array (samples,), or (samples, …) for the first
                dims of what the loss is a mean of; for several outputs a tuple or dict of them. Metrics do not use it.

        Returns:
            Floats by name; arrays for a confusion matrix and for losses with reduction "none".
        """
        batch_size = check_whole("evaluate", "batch_size", batch_size)
        arrays, labels, dims = self._runner.check_samples(x, y, sample_weight)
        count, scores = check_lengths(arrays), Scores(self._runner.need_objective())
        self._runner.check_batches("evaluate", count, batch_size)
        purpose = self._runner.purpose(EVALUATE, labels)
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            run = self._runner.executable(purpose, dims | {BATCH: stop - start}, min(batch_size, count))
            run.take(arrays, slice(start, stop))
            self._runner.run(run)
            scores.add(run.outputs, stop - start)
            whole.may_interrupt()
        return scores.result()

    @answering
    @exclusive
    def train_on_batch(self, x: object, y: object, *, sample_weight: object = None,
                       stop_on_nonfinite: bool = True) -> dict[str, Any]:
        """One step of training on one batch; returns its loss and metrics, from before the step.

        Arguments are those of `evaluate`, and `stop_on_nonfinite`, that of `fit`.

        Keras / PyTorch: `Model.train_on_batch(return_dict=True)` / `zero_grad()`, `backward()` and `step()`.

        Raises:
            DivergenceError: the loss is not finite. The weights are those at the end of the step.
        """
        check_flag("train_on_batch", "stop_on_nonfinite", stop_on_nonfinite)
        arrays, labels, dims = self._runner.check_samples(x, y, sample_weight)
        count = check_lengths(arrays)
        run = self._runner.executable(self._runner.purpose(TRAIN, labels), dims | {BATCH: count})
        run.take(arrays, slice(0, count))
        scores = Scores(self._runner.need_objective())
        self._runner.run_step(run)
        if stop_on_nonfinite:
            check_loss(float(run.outputs[LOSS]), self.step)
        scores.add(run.outputs, count)
        return scores.result()

    @answering
    @exclusive
    def loss_and_gradients(self, x: object, y: object, inputs: bool = False, *,
                           sample_weight: object = None) -> tuple[float, dict[str, Array]]:
        """The loss of a batch and its gradient for each trainable weight, without a step.

        Keras / PyTorch: – / `loss.backward()`, and `.grad` of each parameter. They are handed out, never added up.

        Args:
            x: the inputs.
            y: the labels.
            inputs: whether to add the gradients for the floating-point inputs, by their names.
            sample_weight: as in `evaluate`.
        """
        arrays, labels, dims = self._runner.check_samples(x, y, sample_weight)
        count = check_lengths(arrays)
        wanted = tuple(i.name for i in self.graph.inputs if inputs and self.graph.types[i.value].is_float)
        run = self._runner.executable(self._runner.purpose(GRADIENTS, labels, wanted), dims | {BATCH: count})
        run.take(arrays, slice(0, count))
        self._runner.run(run)
        names = [p.name for p in self.graph.parameters if p.trainable] + list(wanted)
        return float(run.outputs[LOSS]), {name: run.outputs[gradient_name(name)].copy(order="C") for name in names}
