"""What all metrics share: a statistic that adds up over batches, and the figure that is made of it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphnet.common.names import snake_case
from graphnet.common.registry import Configured, Registry
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.ir import Origin
from graphnet.compiler.results import check_values
from graphnet.compiler.types import Array

__all__ = ["METRICS", "Metric"]

MIN, MAX, NEITHER = "min", "max", "neither"


@dataclass(frozen=True)
class Metric(Configured):
    """Base of all metrics: a statistic that the graph computes, which adds up over batches; its figure.

    Keras / PyTorch: `metrics.Metric` / –. Keras's keep running sums (`update_state`, `result`, `reset_state`); here the
    graph makes the statistic of a batch, and who evaluates adds them up. One of your own says `statistic` and `result`,
    with `@gn.metrics.METRICS.register()` above it.

    Attributes:
        mode: which figures are better, for callbacks that watch it: "min" if the smaller ones are, "max" if the larger
            ones are, "neither" if the figure is no number but an array. None says nothing, so that whoever watches the
            figure has to.

    Example:
        >>> gn.metrics.Accuracy().mode, gn.metrics.Perplexity().mode
        ('max', 'min')
        >>> batch, another = np.array([3, 4]), np.array([0, 2])  # right, all
        >>> gn.metrics.Accuracy().result(batch + another)
        0.5
    """

    registry: ClassVar[Registry[Any]]
    mode: ClassVar[str | None] = None
    _instead = ("a metric stays as it was declared: compile the model with a new {kind}, gn.compile(model, loss=…, "
                "metrics=[…]), and carry the weights over with set_weights(net.weights)")

    @property
    def name(self) -> str:
        """The key in histories and results."""
        return snake_case(type(self).__name__)

    def emit(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the statistic of a batch and returns its id: float64, of a shape without the batch.

        Raises:
            ShapeError: the labels do not fit the prediction.
        """
        with b.at(Origin(self.name, type(self).__name__)), b.locating(prediction, label):
            made = self.statistic(b, prediction, label)
            check_values(f"statistic of {type(self).__name__}", (made,), b.types)
            t = b.types[made]
            if t.dtype != "float64" or any(isinstance(dim, str) for dim in t.shape):
                raise ShapeError(f"statistic of {type(self).__name__} returned {t}, but it must be float64, of a shape "
                                 "without the batch", "sums over batches are made of it: use e.g. ops.AddUp()")
            return made

    def figure(self, statistic: Array) -> float | Array:
        """What `result` says, if it is a number or an array.

        Raises:
            DataError: it is something else, or there was no sample.
        """
        found: object = self.result(statistic)
        if isinstance(found, int | float | np.number | np.ndarray):
            return found  # type: ignore[return-value]
        raise DataError(f"result of {type(self).__name__} returned {type(found).__name__}, but it must be a number or "
                        "an array")

    def reading(self, meaning: str) -> Metric:
        """The metric for outputs that mean this to their loss (`Loss.meaning`), where it was not told otherwise."""
        return self

    @abstractmethod
    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the nodes of the statistic and returns its id."""

    @abstractmethod
    def result(self, statistic: Array) -> float | Array:
        """The figure, from the sum of the statistics of all batches.

        Raises:
            DataError: there was no sample.
        """

    def quotient(self, statistic: Array) -> float:
        """first / second, of a statistic of a sum and a count.

        Raises:
            DataError: the count is 0.
        """
        total, count = statistic
        if not count:
            raise DataError(f"the {self.name.replace('_', ' ')} of no samples is not defined")
        return float(total / count)


METRICS: Registry[Metric] = Registry("a Metric", "Metrics by name")
"""All metrics by name; `.names` lists them, and `@METRICS.register()` above a class of your own adds it."""
Metric.registry = METRICS
