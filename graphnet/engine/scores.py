"""Adds up losses and metrics over batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.types import Array, format_shape
from graphnet.engine.assembly import LOSS, METRIC, PENALTY, TERM, Objective
from graphnet.engine.checkpoints import FIT
from graphnet.losses.base import MEAN, NONE, SUM

_PATH = ("train", FIT, "scores")
_STATE = {"samples": int, "losses": dict[str, float], "single": dict[str, Array], "statistics": dict[str, Array]}


class Scores:
    """Totals over the batches seen so far.

    Args:
        objective: says which losses and metrics there are.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._samples = 0
        self._reductions = {TERM + name: loss.reduction for name, loss in objective.losses.items()}
        self._losses: dict[str, float] = {}
        self._single: dict[str, list[Array]] = {}
        self._statistics: dict[str, Array] = {}

    def add(self, outputs: Mapping[str, Array], samples: int) -> None:
        """Adds a batch, from the outputs of its Program."""
        self._samples += samples
        for name, value in outputs.items():
            if name.startswith(METRIC):
                self._add_statistic(name, value)
                continue
            reduction = self._reductions.get(name, MEAN)
            if reduction == NONE:
                self._single.setdefault(name, []).append(value.copy())
                continue
            share = float(value) * (1 if reduction == SUM else samples)
            self._losses[name] = self._losses.get(name, 0.0) + share

    def add_steps(self, outputs: Mapping[str, Array], samples: int) -> None:
        """Adds batches of as many samples each, from the outputs of each of them, as `add` would one after another."""
        self._samples += samples * len(next(iter(outputs.values())))
        for name, values in outputs.items():
            if name.startswith(METRIC):
                before = self._statistics.get(name)
                rows = values if before is None else np.concatenate((before[None], values))
                self._statistics[name] = np.add.accumulate(rows, 0)[-1].copy()  # unlike a sum, from first to last
                continue
            factor, total = 1 if self._reductions.get(name, MEAN) == SUM else samples, self._losses.get(name, 0.0)
            for value in values.tolist():
                total += value * factor
            self._losses[name] = total

    def _add_statistic(self, name: str, value: Array) -> None:
        before = self._statistics.get(name)
        if before is not None and before.shape != value.shape:  # only what a file held can be so
            raise GnetFormatError(f"it is {format_shape(before.shape)}, but {format_shape(value.shape)} is added",
                                  (*_PATH, "statistics", name))
        self._statistics[name] = value.copy() if before is None else before + value

    def state(self) -> dict[str, Any]:
        """The totals, as plain data and arrays."""
        return {"samples": self._samples, "losses": dict(self._losses),
                "single": {name: np.concatenate(parts) for name, parts in self._single.items()},
                "statistics": {name: np.asarray(value) for name, value in self._statistics.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from totals that `state` gave.

        Raises:
            GnetFormatError: they are not such totals.
        """
        from graphnet.runtime.gnet.codec import decode_map

        kept = decode_map(state, _STATE, _PATH)
        wanted = {"losses": self._reduced(), "statistics": self._statistic_names()}
        for key, names in wanted.items():
            if missing := sorted(names - kept[key].keys()):
                raise GnetFormatError(f"{missing[0]!r} is missing", (*_PATH, key))
        if kept["samples"] < 1:
            raise GnetFormatError("it must be at least 1", (*_PATH, "samples"))
        self._samples, self._losses, self._statistics = kept["samples"], kept["losses"], kept["statistics"]
        self._single = {name: [array] for name, array in kept["single"].items()}

    def result(self) -> dict[str, Any]:
        """The loss over all samples, and each metric.

        `loss` is the total. Of several outputs there is also `<output>_loss`, without its weight in the total, and a
        metric is called `<output>_<metric>`, as in Keras. Values are floats, but arrays for a confusion matrix and for
        losses that are not reduced, which have no total.
        """
        scores = self._loss_figures()
        several = len(self._objective.losses) > 1
        for output, metrics in self._objective.metrics.items():
            for metric in metrics:
                name = f"{output}_{metric.name}" if several else metric.name
                scores[name] = metric.figure(self._statistics[f"{METRIC}{output}:{metric.name}"])
        return scores

    def _reduced(self) -> set[str]:
        """The names of the losses that are single numbers."""
        terms = {name for name, reduction in self._reductions.items() if reduction != NONE}
        total = {LOSS} if self._objective.is_reduced else set()
        return total | (terms if self._objective.is_itemized else set())

    def _statistic_names(self) -> set[str]:
        return {f"{METRIC}{output}:{metric.name}" for output, metrics in self._objective.metrics.items()
                for metric in metrics}

    def _loss_figures(self) -> dict[str, Any]:
        if not self._objective.is_itemized:
            return {LOSS: self._losses[LOSS] / self._samples}
        terms = {name: self._term(TERM + name) for name in self._objective.losses}
        if len(terms) == 1 and not self._objective.is_reduced:
            return {LOSS: next(iter(terms.values()))}
        scores: dict[str, Any] = {}
        if self._objective.is_reduced:
            weights = self._objective.weights
            scores[LOSS] = sum(weights[name] * term for name, term in terms.items()) + self._penalty()
        return scores | ({f"{name}_{LOSS}": term for name, term in terms.items()} if len(terms) > 1 else {})

    def _term(self, name: str) -> Any:
        if self._reductions[name] == NONE:
            return np.concatenate(self._single[name])
        return self._losses[name] / (1 if self._reductions[name] == SUM else self._samples)

    def _penalty(self) -> float:
        return self._losses.get(PENALTY, 0.0) / self._samples
