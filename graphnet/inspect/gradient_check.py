"""Compares symbolic gradients with numerical ones, weight by weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphnet.common.checks import check_number, check_whole
from graphnet.compiler.errors import GraphError
from graphnet.compiler.planning.program import table
from graphnet.compiler.rewrite import convert_floats
from graphnet.compiler.types import BATCH, Array
from graphnet.engine.assembly import LOSS
from graphnet.engine.engine import Engine
from graphnet.engine.feeding import Feeder, check_lengths
from graphnet.engine.programs import Programs, numpy_policy
from graphnet.engine.runner import GRADIENTS

STEPS = (1e-5, 1e-6, 1e-7)
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, slots=True)
class WeightCheck:
    """The worst of the elements of one weight that were checked.

    Attributes:
        name: of the weight.
        shape: of the weight.
        checked: how many elements were.
        error: |numerical - symbolic| as a share of the scale (see `check_gradients`).
        index: of the worst element.
        numerical: its gradient by differences.
        symbolic: its gradient by the backward pass.
        passed: whether the error is within the tolerance.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    error: float
    index: tuple[int, ...]
    numerical: float
    symbolic: float
    passed: bool


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """A row for each trainable weight; `str()` is a table."""

    name: str
    loss: float
    tolerance: float
    weights: tuple[WeightCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every weight did."""
        return all(row.passed for row in self.weights)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data."""
        return asdict(self) | {"passed": self.passed}

    def __str__(self) -> str:
        head = ("weight", "shape", "checked", "worst error", "at", "numerical", "symbolic", "")
        rows = [(row.name, _format(row.shape), f"{row.checked}", f"{row.error:.1e}", _format(row.index),
                 f"{row.numerical:+.6e}", f"{row.symbolic:+.6e}", "ok" if row.passed else "WRONG")
                for row in self.weights]
        wrong = sum(not row.passed for row in self.weights)
        verdict = f"{wrong} of {len(rows)} weights have wrong gradients" if wrong else "all gradients are right"
        return "\n".join([f"gradients of {self.name}, loss {self.loss:.6f}, float64", *table(
            head, rows, {"checked", "worst error", "numerical", "symbolic"}),
            f"{verdict} (tolerance {self.tolerance:.0e})"])


def check_gradients(network: Engine, x: object, y: object, *, samples: int = 8, tolerance: float = 1e-5,
                    seed: int = 0) -> GradientCheck:
    """Compares the gradient of sampled elements of each weight with a central difference of the loss.

    The network is compiled again in float64, with its weights and states as they are; random masks are held. A
    difference (L(w + h) - L(w - h)) / 2h is wrong by O(h²) and by rounding errors of L over h; a kink of ReLU or of max
    pooling within ±h spoils it. So of the steps h in `STEPS` the one that agrees best counts: a gradient that is wrong
    agrees with none. The error is relative to the largest of: the two gradients, the largest gradient of the weight,
    and 0.001 times the largest gradient of all weights.

    Args:
        network: with a loss.
        x: a few samples; the work grows with them.
        y: their labels.
        samples: elements of each weight to check, ≥ 1; all of a smaller weight.
        tolerance: the largest error allowed, > 0.
        seed: of the choice of elements.

    Raises:
        GraphError: the network has no loss or nothing to train.
    """
    check_whole("gradcheck", "samples", samples)
    check_number("gradcheck", "tolerance", tolerance, above=0)
    twin = in_double(network)
    loss, gradients = twin.loss_and_gradients(x, y)
    if not gradients:
        raise GraphError(f"{network.graph.name} has no trainable weights, so there is no gradient to check")
    measure, views = _loss_function(twin, x, y), twin.runner.weight_views()
    largest = {name: float(np.abs(gradient).max(initial=0)) for name, gradient in gradients.items()}
    floor = max(_NEGLIGIBLE * max(largest.values()), np.finfo(np.float64).tiny)
    rng = np.random.default_rng(seed)
    rows = tuple(_check_weight(name, views[name], gradient, measure, max(largest[name], floor), tolerance,
                               rng.choice(gradient.size, min(samples, gradient.size), replace=False))
                 for name, gradient in gradients.items() if gradient.size)
    return GradientCheck(network.graph.name, loss, tolerance, rows)


def in_double(network: Engine) -> Engine:
    """The same network in float64, with a memory of its own."""
    twin = Engine(convert_floats(network.graph, "float64"),
                  Programs(numpy_policy(network.optimize), blas_threads=network.runner.programs.blas_threads),
                  network.objective, network.optimizer, network.seed)
    twin.set_weights(network.weights)
    twin.set_states(network.states)
    return twin


def _loss_function(network: Engine, x: object, y: object) -> Callable[[], float]:
    """Computes the loss of these samples with the weights as they are."""
    arrays, labels, dims = network.runner.check_samples(x, y)
    count, feeder = check_lengths(arrays), Feeder(arrays)
    run = network.runner.executable(network.runner.purpose(GRADIENTS, labels), dims | {BATCH: count})

    def measure() -> float:
        feeder.feed_range(run.inputs, 0, count)
        network.runner.run(run)
        return float(run.outputs[LOSS])
    return measure


def _check_weight(name: str, weight: Array, gradient: Array, measure: Callable[[], float], scale: float,
                  tolerance: float, chosen: Array) -> WeightCheck:
    worst: tuple[float, tuple[int, ...], float, float] = (-1.0, (), 0.0, 0.0)
    for flat in sorted(chosen):
        index = tuple(int(i) for i in np.unravel_index(flat, weight.shape))
        symbolic = float(gradient[index])
        error, numerical = _closest(weight, index, symbolic, measure, scale, tolerance)
        if error > worst[0]:
            worst = error, index, numerical, symbolic
    return WeightCheck(name, weight.shape, len(chosen), *worst, worst[0] <= tolerance)


def _closest(weight: Array, index: tuple[int, ...], symbolic: float, measure: Callable[[], float], scale: float,
             tolerance: float) -> tuple[float, float]:
    """The least error over the steps, and the difference that has it."""
    found: list[tuple[float, float]] = []
    for h in STEPS:
        numerical = _difference(weight, index, h, measure)
        error = abs(numerical - symbolic) / max(scale, abs(numerical), abs(symbolic))
        found.append((error if np.isfinite(error) else np.inf, numerical))
        if found[-1][0] <= tolerance:
            break
    return min(found)


def _difference(weight: Array, index: tuple[int, ...], h: float, measure: Callable[[], float]) -> float:
    kept = weight[index]
    losses = []
    for moved in (kept + h, kept - h):
        weight[index] = moved
        losses.append(measure())
    weight[index] = kept
    return (losses[0] - losses[1]) / (2 * h)


def _format(numbers: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, numbers))})"
