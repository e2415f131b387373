"""Numerical gradients: differences of the loss of a network on some samples, and whether it has a kink there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.types import BATCH, Array
from graphnet.engine.assembly import LOSS
from graphnet.engine.engine import Engine
from graphnet.engine.feeding import check_lengths
from graphnet.engine.runner import GRADIENTS

STEPS = (1e-5, 1e-6, 1e-7)
NEGLIGIBLE = 1e-3
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A symbolic gradient of one element beside the numerical one that agrees best.

    Attributes:
        error: |numerical - symbolic| as a share of the scale.
        numerical: the central difference.
        symbolic: the gradient that it is compared with.
        before: the slope on the left of the element, by the smallest step; NaN where none was needed.
        after: the slope on its right.
        bends: whether these two disagree, and do not approach one another with smaller steps.
    """

    error: float
    numerical: float
    symbolic: float
    before: float = np.nan
    after: float = np.nan
    bends: bool = False

    @property
    def is_between(self) -> bool:
        """Whether the symbolic gradient is no farther from one of the slopes than they are from one another.

        Not strictly between: of several kinks at one place that bend the loss up and down, each has its own side.
        """
        apart = abs(self.after - self.before)
        return min(abs(self.symbolic - self.before), abs(self.symbolic - self.after)) <= apart * (1 + NEGLIGIBLE)


class Point:
    """A network at its weights as they are, with what symbolic gradients are compared with there.

    Args:
        gradients: by the names of the weights.
        weights: views of the network's own.
        measure: the loss with the weights as they are.
        tolerance: the error from which on no further step is tried.
    """

    def __init__(self, gradients: Mapping[str, Array], weights: Mapping[str, Array], measure: Callable[[], float],
                 tolerance: float) -> None:
        self.gradients, self.weights, self.measure, self.tolerance = gradients, weights, measure, tolerance
        self.largest = {name: float(np.abs(gradient).max(initial=0)) for name, gradient in gradients.items()}
        self.floor = max(NEGLIGIBLE * max(self.largest.values()), np.finfo(np.float64).tiny)

    def error(self, name: str, one: float, other: float) -> float:
        """How far two gradients of an element are apart, as a share of the scale."""
        error = abs(one - other) / max(self.largest[name], self.floor, abs(one), abs(other))
        return error if np.isfinite(error) else np.inf

    def compare(self, name: str, index: Index) -> Comparison:
        """Compares the gradient of an element with differences by smaller and smaller steps, until one agrees."""
        symbolic, found, jumps = float(self.gradients[name][index]), [], []
        before = after = np.nan
        for h in STEPS:
            left, middle, right = self._losses(self.weights[name], index, h)
            before, after = (middle - left) / h, (right - middle) / h
            numerical = (right - left) / (2 * h)
            found.append((self.error(name, numerical, symbolic), numerical))
            jumps.append(abs(after - before))
            if found[-1][0] <= self.tolerance:
                return Comparison(*found[-1], symbolic)
        stays = jumps[-1] > self.tolerance * max(self.largest[name], self.floor) and jumps[-1] > jumps[-2] / 2
        return Comparison(*min(found), symbolic, before, after, bool(stays))

    def _losses(self, weight: Array, index: Index, h: float) -> list[float]:
        kept = weight[index]
        losses = []
        for moved in (kept - h, kept, kept + h):
            weight[index] = moved
            losses.append(self.measure())
        weight[index] = kept
        return losses


def loss_function(network: Engine, x: object, y: object) -> Callable[[], float]:
    """Computes the loss of these samples with the weights as they are."""
    arrays, labels, dims = network._runner.check_samples(x, y)
    count = check_lengths(arrays)
    run = network._runner.executable(network._runner.purpose(GRADIENTS, labels), dims | {BATCH: count})

    def measure() -> float:
        run.take(arrays, slice(0, count))
        network._runner.run(run)
        return float(run.outputs[LOSS])
    return measure
