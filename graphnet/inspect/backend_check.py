"""Compares the gradients that a network's backend computes in float32 with those in float64, weight by weight.

What they may differ by is measured, not guessed: the reference interpreter computes the gradients in float32 with every
number moved by a few rounding errors (see `compiler/inspect/rounding.py`). Where a sum cancels, that shows the size of
its summands. Allowed are `FACTOR` times what one rounding error makes of a weight's gradients and `FACTOR` rounding
errors of the largest of them; more where the backend's kernels say that their way of computing has larger errors.

A number within rounding errors of a kink (of ReLU, or where two elements of a pooling window are equal) may fall to
either side, and then gradients differ by whole summands. So what differs is looked at again with all weights moved a
little: a wrong gradient is wrong there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphnet.compiler.inspect.rounding import DRAWS, moved, mover, spread
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph
from graphnet.compiler.ops.noise import GaussianNoise
from graphnet.compiler.passes.derive_backward import gradient_name
from graphnet.compiler.planning.program import table
from graphnet.compiler.types import BATCH, Array
from graphnet.compiler.words import label
from graphnet.engine.backends import make_programs
from graphnet.engine.engine import Engine
from graphnet.engine.feeding import check_lengths
from graphnet.engine.programs import Programs, numpy_policy
from graphnet.engine.runner import GRADIENTS

FACTOR = 16
MOVES = (1e-4, -1e-4, 2e-4)
"""How far all weights are moved where gradients differ, to see whether a kink is why."""
HEAD = ("weight", "worst error", "rounding", "times", "at", "float32", "float64", "")
NUMBERS = {"worst error", "rounding", "times", "float32", "float64"}


@dataclass(frozen=True, slots=True)
class BackendWeight:
    """The worst element of the gradient of one weight.

    Attributes:
        name: of the weight.
        error: |float32 - float64|.
        rounding: what one rounding error of every number makes of the gradients of this weight.
        index: of the element.
        single: its gradient by the backend, in float32.
        double: its gradient in float64.
        passed: whether the error is within the bound, or is so with the weights moved a little.
        kinked: whether only that is so.
    """

    name: str
    error: float
    rounding: float
    index: tuple[int, ...]
    single: float
    double: float
    passed: bool
    kinked: bool = False

    @property
    def times(self) -> float:
        """How many times as large as rounding the error is."""
        return self.error / self.rounding if self.rounding else float(self.error > 0)

    @property
    def status(self) -> str:
        """What was found, in words."""
        return "WRONG" if not self.passed else "ok, on a kink" if self.kinked else "ok"


@dataclass(frozen=True, slots=True)
class BackendCheck:
    """A row for each trained weight.

    Attributes:
        backend: its name.
        bound: how many times rounding is allowed.
        weights: the rows; none where nothing can be compared.
        skipped: why nothing can be.
    """

    backend: str
    bound: float
    weights: tuple[BackendWeight, ...]
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether every weight did."""
        return all(row.passed for row in self.weights)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data."""
        rows = [asdict(row) | {"times": row.times, "status": row.status} for row in self.weights]
        return asdict(self) | {"weights": rows, "passed": self.passed}

    @property
    def title(self) -> str:
        """A line above the rows, or all that there is to say."""
        if self.skipped:
            return f"the {self.backend} backend's gradients were not compared: {self.skipped}"
        return (f"gradients of the {self.backend} backend in float32, beside float64; up to {self.bound:.0f} times "
                "rounding is allowed")

    def rows(self) -> list[tuple[str, ...]]:
        """The rows as text."""
        return [(label(row.name), f"{row.error:.1e}", f"{row.rounding:.1e}", f"{row.times:.1f}",
                 f"({', '.join(map(str, row.index))})", f"{row.single:+.6e}", f"{row.double:+.6e}", row.status)
                for row in self.weights]

    def lines(self) -> list[str]:
        """All of it."""
        return [self.title, *(table(HEAD, self.rows(), NUMBERS) if self.weights else ())]


def check_backend(network: Engine, twin: Engine, x: object, y: object) -> BackendCheck:
    """Compares the gradients of a float32 network with those of its twin in float64, which is left as it was."""
    if any(isinstance(node.op, GaussianNoise) for node in network.graph.nodes):
        return BackendCheck(network.backend, FACTOR, (), "Gaussian noise has other numbers in each dtype")
    runner = network._runner
    arrays, labels, dims = runner.check_samples(x, y)
    run = runner.executable(runner.purpose(GRADIENTS, labels), dims | {BATCH: check_lengths(arrays)})
    bound = FACTOR * max((run.rounding(index) for index in range(len(run.program.instructions))), default=1.0)
    reference = Reference(network, arrays, labels)
    rows = {row.name: row for row in _compare(network, twin, x, y, reference, bound)}
    wrong = {name for name, row in rows.items() if not row.passed}
    for elsewhere in _moved(network, twin) if wrong else ():
        found = _compare(elsewhere, twin, x, y, reference, bound)
        for row in found:
            if row.passed and row.name in wrong:
                wrong.remove(row.name)
                rows[row.name] = _on_kink(rows[row.name])
        if not wrong:
            break
    return BackendCheck(network.backend, bound, tuple(rows.values()))


def _on_kink(row: BackendWeight) -> BackendWeight:
    return BackendWeight(row.name, row.error, row.rounding, row.index, row.single, row.double, True, True)


class Reference:
    """The gradients of a network by the reference interpreter, in float32."""

    def __init__(self, network: Engine, arrays: Mapping[str, Array], labels: Any) -> None:
        plain = Engine(network.graph, Programs(numpy_policy(False)), network.objective, network.optimizer, network.seed)
        runner = plain._runner
        self.graph: Graph = runner.programs.stages(runner.purpose(GRADIENTS, labels))[-1].after
        types = self.graph.types
        self.feeds = {i.name: arrays[i.name].astype(types[i.value].dtype) for i in self.graph.inputs}
        self.states = dict(network.states)
        self.outputs = {output.name: output.value for output in self.graph.outputs}

    def gradients(self, weights: Mapping[str, Array]) -> list[dict[str, Array]]:
        """The gradients by weight, with every number moved by some rounding errors; for each draw."""
        found = []
        for draw in range(DRAWS):
            fed = {name: moved(array, draw) for name, array in self.feeds.items()}  # float64 may be given
            with np.errstate(all="ignore"):
                values = interpret(self.graph, fed | self.states | dict(weights), mover(draw))
            found.append({name: values[self.outputs[gradient_name(name)]] for name in weights
                          if gradient_name(name) in self.outputs})
        return found


def _compare(network: Engine, twin: Engine, x: object, y: object, reference: Reference,
             bound: float) -> Iterator[BackendWeight]:
    single, double = (net.loss_and_gradients(x, y)[1] for net in (network, twin))
    draws = reference.gradients(network.weights)
    for name, want in double.items():
        if want.size:
            yield _row(name, single[name], want, [draw[name] for draw in draws], bound)


def _row(name: str, got: Array, want: Array, draws: list[Array], bound: float) -> BackendWeight:
    with np.errstate(all="ignore"):
        gaps = np.abs(got.astype(np.float64) - want)
    gaps = np.where(np.isnan(gaps), np.where(np.isnan(got) & np.isnan(want), 0, np.inf), gaps)
    rounding = spread(want, draws) + float(np.finfo(got.dtype).eps * np.abs(want).max(initial=0))
    place = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return BackendWeight(name, float(gaps[place]), rounding, tuple(map(int, place)), float(got[place]),
                         float(want[place]), bool(gaps[place] <= bound * rounding))


def _moved(network: Engine, twin: Engine) -> Iterator[Engine]:
    """A copy of the network on its backend, again and again with its weights and the twin's elsewhere."""
    programs = network._runner.programs
    made = make_programs(network.backend, network.optimize, None, programs.threads, programs.blas_threads.threads)
    copy = Engine(network.graph, made, network.objective, network.optimizer, network.seed)
    copy.allow_nonfinite = network.allow_nonfinite
    copy.set_states(network.states)
    kept = {name: weight.copy() for name, weight in network.weights.items()}
    rng = np.random.default_rng(0)
    try:
        for move in MOVES:
            weights = {name: (weight + move * rng.standard_normal(weight.shape)).astype(weight.dtype)
                       for name, weight in kept.items()}
            copy.set_weights(weights)
            twin.set_weights(weights)
            yield copy
    finally:
        twin.set_weights(kept)
