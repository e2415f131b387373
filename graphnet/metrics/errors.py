"""How far predictions of numbers are from the labels."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.types import Array
from graphnet.metrics.base import METRICS, MIN, Metric

__all__ = ["MeanAbsoluteError", "MeanSquaredError"]


@METRICS.register("mae")
@dataclass(frozen=True)
class MeanAbsoluteError(Metric):
    """Σ |p - t| / n over all n elements.

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `metrics.MeanAbsoluteError` / –; the figure is called `mean_absolute_error`, also if the metric was
    given as "mae".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, loss="mse", metrics=["mae"])
        >>> net.evaluate([[1, 2]], [[1, 5]])
        {'loss': 4.5, 'mean_absolute_error': 1.5}
    """

    mode = MIN

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """The sum and the count, (2,)."""
        return b.add(ops.AddUp(), b.add(ops.AbsoluteError(), prediction, label))

    def result(self, statistic: Array) -> float:
        """Σ / n."""
        return self.quotient(statistic)


@METRICS.register("mse")
@dataclass(frozen=True)
class MeanSquaredError(Metric):
    """Σ (p - t)² / n over all n elements.

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `metrics.MeanSquaredError` / –. Keras's `RootMeanSquaredError` is the root of this.

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, loss="mae", metrics=["mse"])
        >>> net.evaluate([[1, 2]], [[1, 5]])
        {'loss': 1.5, 'mean_squared_error': 4.5}
    """

    mode = MIN

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """The sum and the count, (2,)."""
        difference = b.add(ops.Subtract(), prediction, label)
        return b.add(ops.AddUp(), b.add(ops.Multiply(), difference, difference))

    def result(self, statistic: Array) -> float:
        """Σ / n."""
        return self.quotient(statistic)
