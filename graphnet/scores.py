"""Adds up losses and metrics over batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.assembly import LOSS, METRIC, Objective

Array = NDArray[Any]


class Scores:
    """Totals over the batches seen so far.

    Args:
        objective: says which metrics there are.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._loss, self._samples = 0.0, 0
        self._statistics: dict[str, Array] = {}

    def add(self, outputs: Mapping[str, Array], samples: int) -> None:
        """Adds a batch, from the outputs of its Program."""
        self._loss += float(outputs[LOSS]) * samples
        self._samples += samples
        for name, value in outputs.items():
            if not name.startswith(METRIC):
                continue
            if name not in self._statistics:
                self._statistics[name] = np.zeros_like(value)
            self._statistics[name] += value

    def result(self) -> dict[str, float]:
        """The loss, the mean over all samples, and each metric; a metric of one of several outputs is called
        `<output>_<metric>`, as in Keras."""
        scores = {LOSS: self._loss / self._samples}
        several = len(self._objective.losses) > 1
        for output, metrics in self._objective.metrics.items():
            for metric in metrics:
                name = f"{output}_{metric.name}" if several else metric.name
                scores[name] = metric.result(self._statistics[f"{METRIC}{output}:{metric.name}"])
        return scores
